import type { ConstraintSource, ValueNotation } from "@infernode/inference/constraint";
import { Marks, readUntil, skipMark } from "../read-until.ts";
import type { Parsing } from "../text-cursor.ts";
import { ParameterWriter } from "./parameter-writer.ts";
import { maxHeaderCharacters } from "./read-json-call.ts";
import type { CallWriting, ToolFormat, ToolParse } from "./tool-format.ts";
import { eachTool, separated } from "./write-calls.ts";

const callStart = "<tool_call>";
const callEnd = "</tool_call>";
const functionStart = "<function=";
const functionEnd = "</function>";
const parameterStart = "<parameter=";
const parameterEnd = "</parameter>";
const parameterMarks = new Marks(parameterEnd);
const startMarks = new Marks(callStart, functionStart);
const tagEnd = new Marks(">");

/** Reads a name up to `>`; `undefined` where there is none. What was read is recorded. */
function* readTagName({ cursor }: ToolParse): Parsing<string | undefined> {
  let name = "";
  const end = yield* readUntil(cursor, tagEnd, (text) => void (name += text));
  const trimmed = name.trim();
  return end === undefined || trimmed === "" || /[\s<]/.test(trimmed) ? undefined : trimmed;
}

function* readParameters(parse: ToolParse, name: string): Parsing {
  const { cursor, sink, isText } = parse;
  const writer = new ParameterWriter(cursor, sink, { hasLineBreaks: true });
  for (;;) {
    if (!((yield* skipMark(cursor, [parameterStart, functionEnd]))?.endsWith(parameterStart) ?? false)) break;
    cursor.record(maxHeaderCharacters);
    const parameter = yield* readTagName(parse);
    cursor.takeRecorded();
    if (parameter === undefined) break;
    if (!(yield* writer.read(parameter, parameterMarks, isText(name, parameter)))) return;
  }
  writer.end();
}

function notationOf(texts: readonly string[]): ValueNotation {
  return {
    without: [parameterEnd],
    root: {
      open: [],
      close: [{ literal: functionEnd }],
      separator: [],
      beforeName: [{ literal: parameterStart }],
      afterName: [{ literal: ">\n" }],
      afterValue: [{ literal: `\n${parameterEnd}\n` }],
      bareNames: String.raw`[^\s<>]+`,
      otherNames: "refused",
      texts,
    },
  };
}

function writeCalls({ tools, mark, maxCalls }: CallWriting): ConstraintSource {
  const call = eachTool(tools, ({ name, textParameters, argumentsIn }) => [
    mark(callStart),
    { literal: `\n${functionStart}${name}>\n` },
    argumentsIn(notationOf(textParameters)),
    { literal: "\n" },
    mark(callEnd),
  ]);
  return separated(call, { separator: { literal: "\n" }, maxCalls });
}

/** Qwen3-Coder: `<tool_call><function=name><parameter=a>1</parameter></function></tool_call>`. */
export const qwen3Coder: ToolFormat = {
  name: "qwen3-coder",
  templateMarks: [functionStart],
  marks: [callStart, callEnd],
  writer: { calls: writeCalls, startMarks: [callStart, functionStart] },
  *parse(parse) {
    const { cursor, sink } = parse;
    for (;;) {
      const start = yield* readUntil(cursor, startMarks, (text) => sink.content(text));
      if (start === undefined) return;
      cursor.record(maxHeaderCharacters);
      const isFunction = start === functionStart || (yield* skipMark(cursor, [functionStart])) !== undefined;
      const name = isFunction ? yield* readTagName(parse) : undefined;
      const recorded = cursor.takeRecorded();
      if (name === undefined) {
        sink.content(start + recorded);
        continue;
      }
      sink.beginCall(name);
      yield* readParameters(parse, name);
      sink.endCall();
      yield* skipMark(cursor, [callEnd]);
    }
  },
};
