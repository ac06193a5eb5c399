import type { ConstraintSource } from "@infernode/inference/constraint";
import { Marks, peekAfterSpace, readUntil, skipMark, skipSpace } from "../read-until.ts";
import type { Parsing } from "../text-cursor.ts";
import { maxHeaderCharacters, readNested } from "./read-json-call.ts";
import type { CallWriting, ToolFormat, ToolParse } from "./tool-format.ts";
import { eachTool, lineBreak, optional, separated } from "./write-calls.ts";

const callsStart = "<｜tool▁calls▁begin｜>";
const callsEnd = "<｜tool▁calls▁end｜>";
const callStart = "<｜tool▁call▁begin｜>";
const callEnd = "<｜tool▁call▁end｜>";
const separator = "<｜tool▁sep｜>";
const fence = "```json";
const outsideMarks = new Marks(callStart, callsStart, callsEnd);
const separatorMarks = new Marks(separator);
const lineEnd = new Marks("\n");

/** Reads `name<｜tool▁sep｜>{…}`, or `function<｜tool▁sep｜>name` and a line with the arguments in a fence. */
function* readCall({ cursor, sink }: ToolParse): Parsing {
  cursor.record(maxHeaderCharacters);
  let name = "";
  const hasSeparator = yield* readUntil(cursor, separatorMarks, (text) => void (name += text));
  if (hasSeparator !== undefined && (yield* peekAfterSpace(cursor)) !== "{") {
    name = "";
    yield* readUntil(cursor, lineEnd, (text) => void (name += text));
    yield* skipMark(cursor, [fence]);
  }
  yield* skipSpace(cursor);
  name = name.trim();
  if (hasSeparator === undefined || name === "" || cursor.peek() !== "{") {
    sink.content(callStart + cursor.takeRecorded());
    return;
  }
  cursor.takeRecorded();
  sink.beginCall(name);
  yield* readNested(cursor, (text) => sink.arguments(text));
  sink.endCall();
  yield* skipMark(cursor, ["```"]);
  yield* skipMark(cursor, [callEnd]);
}

/** As V3 and R1 write calls, or as V3.1 does. */
function writeCalls({ tools, mark, maxCalls }: CallWriting): ConstraintSource {
  const call = eachTool(tools, ({ name, arguments: source }) => [
    mark(callStart),
    {
      anyOf: [
        {
          sequence: [
            { literal: "function" },
            mark(separator),
            { literal: `${name}\n${fence}\n` },
            source,
            { literal: "\n```" },
          ],
        },
        { sequence: [{ literal: name }, mark(separator), source] },
      ],
    },
    mark(callEnd),
  ]);
  const calls = separated(call, { separator: optional(lineBreak), maxCalls });
  return { sequence: [mark(callsStart), calls, mark(callsEnd)] };
}

/** DeepSeek V3, R1 and V3.1. */
export const deepseek: ToolFormat = {
  name: "deepseek",
  templateMarks: [callsStart],
  marks: [callsStart, callsEnd, callStart, callEnd, separator],
  writer: { calls: writeCalls, startMarks: [callsStart, callStart] },
  *parse(parse) {
    const { cursor, sink } = parse;
    for (;;) {
      const mark = yield* readUntil(cursor, outsideMarks, (text) => sink.content(text));
      if (mark === undefined) return;
      if (mark === callStart) yield* readCall(parse);
    }
  },
};
