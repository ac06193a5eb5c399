import { Marks, readUntil, skipMark } from "../read-until.ts";
import type { Parsing } from "../text-cursor.ts";
import { ParameterWriter } from "./parameter-writer.ts";
import { maxHeaderCharacters } from "./read-json-call.ts";
import type { ToolFormat, ToolParse } from "./tool-format.ts";

const callStart = "<tool_call>";
const callEnd = "</tool_call>";
const functionStart = "<function=";
const functionEnd = "</function>";
const parameterStart = "<parameter=";
const parameterMarks = new Marks("</parameter>");
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
  const writer = new ParameterWriter(cursor, sink);
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

/** Qwen3-Coder: `<tool_call><function=name><parameter=a>1</parameter></function></tool_call>`. */
export const qwen3Coder: ToolFormat = {
  name: "qwen3-coder",
  templateMarks: [functionStart],
  marks: [callStart, callEnd],
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
