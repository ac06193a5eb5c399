import { Marks, readUntil, skipMark } from "../read-until.ts";
import type { ReasoningFormat } from "./reasoning-format.ts";

const analysis = "<|channel|>analysis<|message|>";
const final = "<|channel|>final<|message|>";
const end = "<|end|>";
const endMarks = new Marks(end);
const nextMessage = "<|start|>assistant";
const endAndFinal = `${end}${nextMessage}${final}`;

/**
 * gpt-oss: an answer consists of messages in channels, those of reasoning in `analysis`. Of the message after them the
 * head is left out where it is in `final`.
 *
 * @see https://cookbook.openai.com/articles/openai-harmony
 */
export const harmony: ReasoningFormat = {
  name: "harmony",
  templateMarks: [analysis],
  starts: [analysis],
  hasContentMark: true,
  ends: [end, endAndFinal],
  forcedEnd: endAndFinal,
  *parse({ cursor, sink, isOpen }) {
    let mark = isOpen ? analysis : yield* skipMark(cursor, [analysis, final]);
    while (mark === analysis) {
      sink.beginReasoning();
      const found = yield* readUntil(cursor, endMarks, (text) => sink.reasoning(text));
      if (found === undefined) return;
      sink.endReasoning();
      yield* skipMark(cursor, [nextMessage]);
      mark = yield* skipMark(cursor, [analysis, final]);
    }
  },
};
