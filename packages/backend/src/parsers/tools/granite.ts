import { Marks, peekAfterSpace, readUntil, skipMark } from "../read-until.ts";
import { readCallList } from "./read-call-list.ts";
import { readJsonCall } from "./read-json-call.ts";
import type { ToolFormat } from "./tool-format.ts";
import { optional, writeCallList } from "./write-calls.ts";

const start = "<|tool_call|>";
const starts: readonly string[] = [start, "<tool_call>"];
const end = "</tool_call>";
const startMarks = new Marks(...starts);

/** Granite 3: `<|tool_call|>[{"name": …, "arguments": {…}}]`. */
export const granite: ToolFormat = {
  name: "granite",
  templateMarks: [start],
  marks: [...starts, end],
  writer: {
    calls: (writing) => ({
      sequence: [writing.mark(start), optional({ literal: " " }), writeCallList(writing)],
    }),
    startMarks: starts,
    jsonCalls: "none",
  },
  *parse(parse) {
    const { cursor, sink } = parse;
    for (;;) {
      const prefix = yield* readUntil(cursor, startMarks, (text) => sink.content(text));
      if (prefix === undefined) return;
      const isList = (yield* peekAfterSpace(cursor)) === "[";
      const hasCall = isList
        ? yield* readCallList(parse, { prefix })
        : yield* readJsonCall(parse, { prefix });
      if (hasCall) yield* skipMark(cursor, [end]);
    }
  },
};
