import type { ConstraintSource, ValueNotation } from "@infernode/inference/constraint";
import { Marks, readUntil, skipMark, skipSpace } from "../read-until.ts";
import type { Parsing } from "../text-cursor.ts";
import { readName, readPythonArguments } from "./python-literal.ts";
import { maxHeaderCharacters } from "./read-json-call.ts";
import type { CallWriting, ToolFormat, ToolParse } from "./tool-format.ts";
import { eachTool, separated } from "./write-calls.ts";

const start = "<|python_start|>";
const end = "<|python_end|>";
const startMarks = new Marks(start);

const notation: ValueNotation = {
  words: { null: "None", true: "True", false: "False" },
  root: {
    open: [{ literal: "(" }],
    close: [{ literal: ")" }],
    separator: [{ literal: ", " }],
    beforeName: [],
    afterName: [{ literal: "=" }],
    afterValue: [],
    bareNames: String.raw`[\w-]+`,
    otherNames: "refused",
  },
};

/** Reads `name(a=1, …)`. What is not a call of a known function is content. Returns whether it was one. */
function* readCall({ cursor, sink, toolNames }: ToolParse, prefix: string): Parsing<boolean> {
  cursor.record(maxHeaderCharacters);
  const name = yield* readName(cursor);
  const text = toolNames.has(name) ? yield* readPythonArguments(cursor) : undefined;
  if (text === undefined) {
    sink.content(prefix + cursor.takeRecorded());
    return false;
  }
  cursor.takeRecorded();
  sink.beginCall(name);
  sink.arguments(text);
  sink.endCall();
  return true;
}

/** Reads `[call, call, …]`, after what was read before it. */
function* readCalls(parse: ToolParse, prefix: string): Parsing {
  const { cursor, sink } = parse;
  cursor.record(maxHeaderCharacters);
  yield* skipSpace(cursor);
  if (cursor.peek() === "[") cursor.skip(1);
  const before = prefix + cursor.takeRecorded();
  if (!before.endsWith("[")) return sink.content(before);
  let separator: string | undefined = before;
  while (separator !== undefined && (yield* readCall(parse, separator))) {
    separator = yield* skipMark(cursor, [","]);
  }
  if (separator === undefined) yield* skipMark(cursor, ["]"]);
  yield* skipMark(cursor, [end]);
}

/** `[name(a=1, b="x"), …]`, between the marks where they are tokens. */
function writeCalls({ tools, mark, hasToken, maxCalls }: CallWriting): ConstraintSource {
  const call = eachTool(tools, ({ name, argumentsIn }) => [{ literal: name }, argumentsIn(notation)]);
  const calls = separated(call, { separator: { literal: ", " }, maxCalls });
  const list = { sequence: [{ literal: "[" }, calls, { literal: "]" }] };
  return hasToken(start) ? { anyOf: [list, { sequence: [mark(start), list, mark(end)] }] } : list;
}

/**
 * Llama 3.2 and 4: an answer that is `[name(a=1, b="x"), …]`, with marks around it or not. The functions must be the
 * request's.
 */
export const pythonic: ToolFormat = {
  name: "pythonic",
  templateMarks: [start],
  marks: [start, end],
  writer: {
    calls: writeCalls,
    startMarks: [start],
    taken: (toolNames) => String.raw`\s*\[\s*(?:${toolNames.join("|")})\([\s\S]*`,
  },
  *parse(parse) {
    const { cursor, sink } = parse;
    let prefix = (yield* skipMark(cursor, [start])) ?? "";
    for (;;) {
      yield* readCalls(parse, prefix);
      const found = yield* readUntil(cursor, startMarks, (text) => sink.content(text));
      if (found === undefined) return;
      prefix = found;
    }
  },
};
