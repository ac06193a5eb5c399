import type { ConstraintSource } from "@infernode/inference/constraint";
import { Marks, readUntil, skipMark } from "../read-until.ts";
import type { ReasoningFormat, WrittenAnswer } from "./reasoning-format.ts";

const [start, channel, body, end] = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>"] as const;
const analysis = `${channel}analysis${body}`;
const final = `${channel}final${body}`;
const endMarks = new Marks(end);
const nextMessage = `${start}assistant`;
const endAndFinal = `${end}${nextMessage}${final}`;
/** Messages of reasoning before an answer that is constrained. */
const maxAnalyses = 4;

/** Messages of free reasoning, then one of calls or content. */
function writeAnswer(
  { content, calls, isReasoningOpen, isContentOpen }: WrittenAnswer,
  mark: (text: string) => ConstraintSource,
): ConstraintSource {
  if (isContentOpen && content !== undefined) return content;
  const head = (name: string): ConstraintSource => ({
    sequence: [mark(channel), { literal: name }, mark(body)],
  });
  const text: ConstraintSource = {
    sequence: [{ textWithout: [end] }, mark(end), mark(start), { literal: "assistant" }],
  };
  const last: ConstraintSource[] = [];
  if (content !== undefined) last.push({ sequence: [head("final"), content] });
  if (calls !== undefined) last.push(calls);
  const analyses = { repeat: { sequence: [head("analysis"), text] }, min: 0, max: maxAnalyses };
  return { sequence: [...(isReasoningOpen ? [text] : []), analyses, { anyOf: last }] };
}

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
  writer: {
    marks: [channel, body, end, start],
    answer: writeAnswer,
    forcedEndBeforeCall: `${end}${nextMessage}`,
  },
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
