import { Marks, readUntil, skipMark } from "../read-until.ts";
import { readJsonCall } from "./read-json-call.ts";
import type { ToolFormat } from "./tool-format.ts";
import { namedCall, writeJsonCall } from "./write-calls.ts";

const tag = "<|python_tag|>";
const tagMarks = new Marks(tag);

/**
 * Llama 3.1, 3.2 and 3.3: an answer that is `{"name": …, "parameters": {…}}`, with `<|python_tag|>` before it or not;
 * several calls are separated by semicolons. Without the mark the function must be one of the request's.
 */
export const llama3: ToolFormat = {
  name: "llama3",
  templateMarks: [tag, '"parameters": dictionary of argument name'],
  marks: [tag],
  // One call: the models' templates refuse a history with more.
  writer: {
    calls: (writing) => writeJsonCall(writing, "parameters"),
    startMarks: [tag],
    taken: (toolNames) => String.raw`\s*\{[\s\S]*${namedCall(toolNames)}[\s\S]*`,
    jsonCalls: "any",
  },
  *parse(parse) {
    const { cursor, sink } = parse;
    let prefix = yield* skipMark(cursor, [tag]);
    for (;;) {
      let isNameKnown = prefix === undefined;
      while (yield* readJsonCall(parse, { prefix: prefix ?? "", isNameKnown })) {
        prefix = yield* skipMark(cursor, [";", tag]);
        if (prefix === undefined) break;
        isNameKnown = prefix.endsWith(";");
      }
      prefix = yield* readUntil(cursor, tagMarks, (text) => sink.content(text));
      if (prefix === undefined) return;
    }
  },
};
