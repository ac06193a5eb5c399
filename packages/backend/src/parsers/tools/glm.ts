import type { ConstraintSource, ValueNotation } from "@infernode/inference/constraint";
import { Marks, readUntil, skipMark } from "../read-until.ts";
import type { Parsing } from "../text-cursor.ts";
import { ParameterWriter } from "./parameter-writer.ts";
import { maxHeaderCharacters } from "./read-json-call.ts";
import type { CallWriting, ToolFormat, ToolParse } from "./tool-format.ts";
import { eachTool, separated } from "./write-calls.ts";

const callStart = "<tool_call>";
const callEnd = "</tool_call>";
const keyStart = "<arg_key>";
const keyEnd = "</arg_key>";
const valueStart = "<arg_value>";
const valueEnd = "</arg_value>";

const startMarks = new Marks(callStart);
const keyMarks = new Marks(keyEnd);
const valueMarks = new Marks(valueEnd);

function* readParameters({ cursor, sink, isText }: ToolParse, name: string): Parsing {
  const writer = new ParameterWriter(cursor, sink, { hasLineBreaks: false });
  while ((yield* skipMark(cursor, [keyStart])) !== undefined) {
    let key = "";
    cursor.record(maxHeaderCharacters);
    const hasKey = (yield* readUntil(cursor, keyMarks, (text) => void (key += text))) !== undefined;
    cursor.takeRecorded();
    if (!hasKey || (yield* skipMark(cursor, [valueStart])) === undefined) break;
    if (!(yield* writer.read(key.trim(), valueMarks, isText(name, key.trim())))) return;
  }
  writer.end();
}

/** GLM 4.5 and 4.6 write each part of a call on a line; later models all on one. */
const separators = ["\n", ""] as const;

function notationOf(
  { mark }: Pick<CallWriting, "mark">,
  separator: (typeof separators)[number],
  texts: readonly string[],
): ValueNotation {
  const space = separator === "" ? [] : [{ literal: separator }];
  return {
    without: [valueEnd],
    root: {
      open: space,
      close: [mark(callEnd)],
      separator: [],
      beforeName: [mark(keyStart)],
      afterName: [mark(keyEnd), ...space, mark(valueStart)],
      afterValue: [mark(valueEnd), ...space],
      bareNames: String.raw`[^\s<]+(?: [^\s<]+)*`,
      otherNames: "refused",
      texts,
    },
  };
}

function writeCalls({ tools, mark, maxCalls }: CallWriting): ConstraintSource {
  const calls = separators.map((separator) => {
    const call = eachTool(tools, ({ name, textParameters, argumentsIn }) => [
      mark(callStart),
      { literal: name },
      argumentsIn(notationOf({ mark }, separator, textParameters)),
    ]);
    return separated(call, { separator: { literal: separator }, maxCalls });
  });
  return { anyOf: calls };
}

/** GLM 4.5 and later: `<tool_call>name<arg_key>a</arg_key><arg_value>1</arg_value></tool_call>`. */
export const glm: ToolFormat = {
  name: "glm",
  templateMarks: [keyStart],
  marks: [callStart, callEnd, keyStart, keyEnd, valueStart, valueEnd],
  writer: { calls: writeCalls, startMarks: [callStart] },
  *parse(parse) {
    const { cursor, sink } = parse;
    while ((yield* readUntil(cursor, startMarks, (text) => sink.content(text))) !== undefined) {
      cursor.record(maxHeaderCharacters);
      const name = (yield* readName(parse)).trim();
      const recorded = cursor.takeRecorded();
      if (!/^[\w.-]+$/.test(name)) {
        sink.content(callStart + recorded);
        continue;
      }
      sink.beginCall(name);
      yield* readParameters(parse, name);
      sink.endCall();
      yield* skipMark(cursor, [callEnd]);
    }
  },
};

/** Reads up to the next tag. */
function* readName({ cursor }: ToolParse): Parsing<string> {
  let name = "";
  while ((yield* cursor.hasMore()) && cursor.peek() !== "<") {
    name += cursor.peek();
    cursor.skip(1);
  }
  return name;
}
