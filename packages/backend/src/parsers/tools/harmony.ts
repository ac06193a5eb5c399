import { Marks, readUntil, skipMark } from "../read-until.ts";
import type { Parsing } from "../text-cursor.ts";
import { maxHeaderCharacters } from "./read-json-call.ts";
import type { ToolFormat, ToolParse } from "./tool-format.ts";

const channel = "<|channel|>";
const nextMessage = "<|start|>";
const body = "<|message|>";
const end = "<|end|>";
const call = "<|call|>";
const outsideMarks = new Marks(channel, nextMessage, end);
const bodyMarks = new Marks(body);
const endMarks = new Marks(end);
const callEndMarks = new Marks(call, end);
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

/** gpt-oss: a message to `functions.name` in the channel `commentary`; text in other channels is content. */
export const harmony: ToolFormat = {
  name: "harmony",
  templateMarks: [`${channel}analysis${body}`],
  marks: [channel, nextMessage, body, end, call, "<|constrain|>"],
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
