import type { ConstraintSource } from "@infernode/inference/constraint";
import { Marks, readUntil, skipMark } from "../read-until.ts";
import type { Parsing } from "../text-cursor.ts";
import { maxHeaderCharacters } from "./read-json-call.ts";
import type { CallWriting, ToolFormat, ToolParse } from "./tool-format.ts";
import { eachTool } from "./write-calls.ts";

const channel = "<|channel|>";
const nextMessage = "<|start|>";
const body = "<|message|>";
const end = "<|end|>";
const call = "<|call|>";
const outsideMarks = new Marks(channel, nextMessage, end);
const bodyMarks = new Marks(body);
const endMarks = new Marks(end);
const callEndMarks = new Marks(call, end);
const constrain = "<|constrain|>";
const recipient = /\bto=functions\.([\w.-]+)/;

/** Reads the header and the body of a message, after the mark that it begins with. */
function* readMessage({ cursor, sink }: ToolParse, mark: string): Parsing {
  cursor.record(maxHeaderCharacters);
  let header = mark;
  const hasBody = yield* readUntil(cursor, bodyMarks, (text) => void (header += text));
  const recorded = cursor.takeRecorded();
  if (hasBody === undefined) return sink.content(mark + recorded);
  const name = recipient.exec(header)?.[1];
  if (name !== undefined) {
    sink.beginCall(name);
    yield* readUntil(cursor, callEndMarks, (text) => sink.arguments(text));
    sink.endCall();
  } else if (header.includes(`${channel}analysis`)) {
    sink.beginReasoning();
    const isWhole = (yield* readUntil(cursor, endMarks, (text) => sink.reasoning(text))) !== undefined;
    if (isWhole) sink.endReasoning();
  }
}

/** One call: the mark that ends it also ends the answer, and is none of its text. */
function writeCalls({ tools, mark }: CallWriting): ConstraintSource {
  return eachTool(tools, ({ name, argumentsIn }) => [
    mark(channel),
    { literal: `commentary to=functions.${name} ` },
    mark(constrain),
    { literal: "json" },
    mark(body),
    argumentsIn({ without: [call, end] }),
  ]);
}

/** gpt-oss: a message to `functions.name` in the channel `commentary`; text in other channels is content. */
export const harmony: ToolFormat = {
  name: "harmony",
  templateMarks: [`${channel}analysis${body}`],
  marks: [channel, nextMessage, body, end, call, constrain],
  writer: { calls: writeCalls, startMarks: [channel, nextMessage, end] },
  *parse(parse) {
    const { cursor, sink } = parse;
    // The reasoning has read the role of the message that follows it.
    const addressed = yield* skipMark(cursor, ["to=functions."]);
    if (addressed !== undefined) yield* readMessage(parse, `${nextMessage}assistant${addressed}`);
    for (;;) {
      const mark = yield* readUntil(cursor, outsideMarks, (text) => sink.content(text));
      if (mark === undefined) return;
      if (mark !== end) yield* readMessage(parse, mark);
    }
  },
};
