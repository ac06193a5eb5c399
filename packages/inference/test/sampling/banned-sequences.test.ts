import { array, assert, integer, property } from "fast-check";
import { expect, it } from "vitest";
import { BannedSequences } from "../../src/sampling/banned-sequences.ts";

const token = integer({ min: 0, max: 3 });
const sequences = array(array(token, { minLength: 1, maxLength: 4 }), { maxLength: 6 });

function endsWith(tokens: readonly number[], end: readonly number[]): boolean {
  return tokens.length >= end.length && end.every((id, at) => tokens[tokens.length - end.length + at] === id);
}

it("bans the tokens that would complete a sequence, after any answer", () => {
  assert(
    property(sequences, array(token, { maxLength: 12 }), (banned, answer) => {
      const state = new BannedSequences(banned);
      for (const id of answer) state.accept(id);
      const next = new Set<number>();
      state.forEachNext((id) => next.add(id));
      const expected = [0, 1, 2, 3].filter((id) => banned.some((each) => endsWith([...answer, id], each)));
      expect(next).toEqual(new Set(expected));
    }),
    { seed: 7, numRuns: 2000 },
  );
});
