import type { ConstraintPort, ConstraintStatePort } from "@infernode/inference";
import { expect, test } from "vitest";
import { limitContent, type FreeReasoning } from "../../src/operations/constraint.ts";

const [a, b, think, endThink, call, eos] = [1, 2, 10, 11, 12, 13] as const;

const parts: FreeReasoning = {
  reasoningStarts: new Set([think]),
  reasoningEnds: new Set([endThink]),
  isReasoningOpen: false,
  specialTokenIds: new Set([think, endThink, call, eos]),
};

/** The content is the token `a`, then the token `b`. */
const content: ConstraintPort = {
  start: () => {
    const taken: number[] = [];
    const next = (): number | undefined => [a, b][taken.length];
    return {
      get isComplete() {
        return taken.length === 2;
      },
      get isFinished() {
        return taken.length === 2;
      },
      allows: (id) => id === next(),
      fillMask: (words) => {
        const id = next();
        if (id !== undefined) words.fill((words.at(0) ?? 0) | (1 << id));
      },
      accept: (id) => {
        if (id !== next()) throw new Error(`${id} is not allowed`);
        taken.push(id);
      },
    };
  },
};

/** The tokens below 32 that may come next, by both ways of asking. */
function allowed(state: ConstraintStatePort): readonly number[] {
  const words = new Uint32Array(1);
  state.fillMask(words);
  const ids = Array.from({ length: 32 }, (_, id) => id);
  const byMask = ids.filter((id) => ((words.at(0) ?? 0) & (1 << id)) !== 0);
  expect(ids.filter((id) => state.allows(id))).toEqual(byMask);
  return byMask;
}

function after(tokens: readonly number[], changes: Partial<FreeReasoning> = {}): ConstraintStatePort {
  const state = limitContent(content, { ...parts, ...changes }).start();
  for (const token of tokens) {
    expect(allowed(state)).toContain(token);
    state.accept(token);
  }
  return state;
}

test("content may come at once, or after reasoning", () => {
  expect(allowed(after([]))).toEqual([a, think]);
  expect(allowed(after([a]))).toEqual([b]);
  expect(after([a, b]).isFinished).toBe(true);
});

test("reasoning is free, but ends by its mark alone, and comes once", () => {
  const inside = after([think, 7, a, b, b]);
  const free = Array.from({ length: 32 }, (_, id) => id).filter(
    (id) => id !== think && id !== call && id !== eos,
  );
  expect(allowed(inside)).toEqual(free);
  expect([inside.isComplete, inside.isFinished]).toEqual([false, false]);
  expect(allowed(after([think, 7, endThink]))).toEqual([a]);
  expect(allowed(after([7, endThink], { isReasoningOpen: true }))).toEqual([a]);
  expect(after([think, endThink, a, b]).isFinished).toBe(true);
});
