import { Marks, readUntil, skipMark } from "../read-until.ts";
import { readJsonCall } from "./read-json-call.ts";
import type { ToolFormat } from "./tool-format.ts";
import { lineBreak, optional, separated, writeJsonCall } from "./write-calls.ts";

const start = "<tool_call>";
const end = "</tool_call>";
const startMarks = new Marks(start);

/** Hermes, Qwen 2.5 and 3, SmolLM3, Granite 4: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`. */
export const hermes: ToolFormat = {
  name: "hermes",
  templateMarks: [start],
  marks: [start, end],
  writer: {
    calls: (writing) => {
      const { mark, maxCalls } = writing;
      const space = optional(lineBreak);
      const call = { sequence: [mark(start), space, writeJsonCall(writing), space, mark(end)] };
      return separated(call, { separator: space, maxCalls });
    },
    startMarks: [start],
    // Calls need quotes, which strings of JSON have escaped.
    jsonCalls: "none",
  },
  *parse(parse) {
    const { cursor, sink } = parse;
    while ((yield* readUntil(cursor, startMarks, (text) => sink.content(text))) !== undefined) {
      if (yield* readJsonCall(parse, { prefix: start })) yield* skipMark(cursor, [end]);
    }
  },
};
