import { peekAfterSpace, skipMark } from "../read-until.ts";
import { readCallList } from "./read-call-list.ts";
import { readJsonCall } from "./read-json-call.ts";
import type { ToolFormat } from "./tool-format.ts";
import { namedCall, writeCallList, writeJsonCall } from "./write-calls.ts";

const fence = "```json";

/** An answer that begins with a call or an array of calls of the request's functions, fenced as Markdown or not. */
export const json: ToolFormat = {
  name: "json",
  templateMarks: [],
  marks: [],
  writer: {
    calls: (writing) => {
      const call = writeJsonCall(writing);
      return writing.maxCalls === 1 ? call : { anyOf: [call, writeCallList(writing)] };
    },
    startMarks: [],
    // After a list or a fence too.
    taken: (toolNames) => String.raw`\s*(?:${fence}\s*)?[{\[][\s\S]*${namedCall(toolNames)}[\s\S]*`,
    jsonCalls: "any",
  },
  *parse(parse) {
    const { cursor } = parse;
    const prefix = yield* skipMark(cursor, [fence]);
    const rules = { prefix: prefix ?? "", isNameKnown: true };
    const isList = (yield* peekAfterSpace(cursor)) === "[";
    const hasCall = isList ? yield* readCallList(parse, rules) : yield* readJsonCall(parse, rules);
    if (hasCall && prefix !== undefined) yield* skipMark(cursor, ["```"]);
  },
};
