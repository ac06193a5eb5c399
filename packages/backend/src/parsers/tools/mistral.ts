import { randomBytes } from "node:crypto";
import type { ConstraintSource } from "@infernode/inference/constraint";
import { Marks, peekAfterSpace, readUntil, skipMark, skipSpace } from "../read-until.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";
import { readCallList } from "./read-call-list.ts";
import { maxHeaderCharacters, readNested } from "./read-json-call.ts";
import type { CallWriting, ToolFormat, ToolParse } from "./tool-format.ts";
import { eachTool, optional, separated, writeCallList } from "./write-calls.ts";

const start = "[TOOL_CALLS]";
const idMark = "[CALL_ID]";
const argumentsMark = "[ARGS]";
const startMarks = new Marks(start);
const nameCharacter = /[\w.-]/;
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** Nine letters and digits: Mistral's chat templates take no other id. */
function createCallId(): string {
  return Array.from(randomBytes(9), (byte) => letters[byte % letters.length]).join("");
}

function* readWord(cursor: TextCursor): Parsing<string> {
  let word = "";
  while ((yield* cursor.hasMore()) && nameCharacter.test(cursor.peek())) {
    word += cursor.peek();
    cursor.skip(1);
  }
  return word;
}

/** Reads `name{…}`, `name[ARGS]{…}` or `name[CALL_ID]id[ARGS]{…}`. */
function* readNamedCall({ cursor, sink }: ToolParse): Parsing {
  cursor.record(maxHeaderCharacters);
  yield* skipSpace(cursor);
  const name = yield* readWord(cursor);
  const hasId = (yield* skipMark(cursor, [idMark])) !== undefined;
  const id = hasId ? yield* readWord(cursor) : undefined;
  yield* skipMark(cursor, [argumentsMark]);
  yield* skipSpace(cursor);
  if (name === "" || id === "" || cursor.peek() !== "{") {
    sink.content(start + cursor.takeRecorded());
    return;
  }
  cursor.takeRecorded();
  sink.beginCall(name, id);
  yield* readNested(cursor, (text) => sink.arguments(text));
  sink.endCall();
}

/** `[TOOL_CALLS] [call, …]` or `[TOOL_CALLS]name[ARGS]{…}`; vocabularies before version 11 do not have `[ARGS]`. */
function writeCalls(writing: CallWriting): ConstraintSource {
  const { mark, hasToken, tools, maxCalls } = writing;
  const list = { sequence: [mark(start), optional({ literal: " " }), writeCallList(writing)] };
  if (!hasToken(argumentsMark)) return list;
  const named = eachTool(tools, ({ name, arguments: source }) => [
    mark(start),
    { literal: name },
    mark(argumentsMark),
    source,
  ]);
  return { anyOf: [list, separated(named, { separator: { literal: "" }, maxCalls })] };
}

/** Mistral: `[TOOL_CALLS] [{"name": …, "arguments": {…}}]`, and since version 11 `[TOOL_CALLS]name[ARGS]{…}`. */
export const mistral: ToolFormat = {
  name: "mistral",
  templateMarks: [start],
  marks: [start, idMark, argumentsMark],
  createCallId,
  writer: { calls: writeCalls, startMarks: [start] },
  *parse(parse) {
    const { cursor, sink } = parse;
    while ((yield* readUntil(cursor, startMarks, (text) => sink.content(text))) !== undefined) {
      if ((yield* peekAfterSpace(cursor)) === "[") yield* readCallList(parse, { prefix: start });
      else yield* readNamedCall(parse);
    }
  },
};
