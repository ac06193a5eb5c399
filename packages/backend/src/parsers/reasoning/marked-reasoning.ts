import { Marks, readUntil, skipMark } from "../read-until.ts";
import type { ReasoningFormat } from "./reasoning-format.ts";

interface MarkedReasoning {
  readonly name: string;
  /** [the first of `starts`] */
  readonly templateMarks?: readonly string[];
  readonly starts: readonly [string, ...string[]];
  readonly ends: readonly [string, ...string[]];
}

/** Creates a format of reasoning between two marks, the first at the start of the answer or at the end of the prompt. */
export function markedReasoning(format: MarkedReasoning): ReasoningFormat {
  const { name, starts, ends, templateMarks = [starts[0]] } = format;
  const endMarks = new Marks(...ends);
  return {
    name,
    templateMarks,
    starts,
    ends,
    forcedEnd: ends[0],
    *parse({ cursor, sink, isOpen }) {
      if (!isOpen && (yield* skipMark(cursor, starts)) === undefined) return;
      sink.beginReasoning();
      const end = yield* readUntil(cursor, endMarks, (text) => sink.reasoning(text));
      if (end !== undefined) sink.endReasoning();
    },
  };
}
