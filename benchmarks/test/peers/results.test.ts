import { expect, test } from "vitest";
import { compareRanks } from "../../peers/harness/agreement.ts";
import { summarize } from "../../peers/harness/results.ts";

test("the ratio is the median of the ratios of the rounds, above 1 where ours is better", () => {
  const rounds = { ours: [10, 30, 20], theirs: [5, 10, 40] };
  expect(summarize(rounds, false)).toEqual({ ours: 20, theirs: 10, ratio: 2 });
  expect(summarize(rounds, true)).toEqual({ ours: 20, theirs: 10, ratio: 0.5 });
});

test("agreement is the share of most likely tokens that both have", () => {
  const ranked = (first: number): { tokenId: number; logprob: number }[] =>
    Array.from({ length: 20 }, (_, at) => ({ tokenId: first + at, logprob: -1 - first / 10 - at }));
  const same = compareRanks([ranked(0), ranked(5)], [ranked(0), ranked(5)]);
  expect(same).toEqual({ topShare: 1, logprobDifference: 0 });
  // Tokens 5 to 19 of the second prompt; one further down differs by 5 places and half a unit.
  const shifted = compareRanks([ranked(0), ranked(0)], [ranked(0), ranked(5)]);
  expect(shifted.topShare).toBeCloseTo(35 / 40);
  expect(shifted.logprobDifference).toBeCloseTo((15 * 4.5) / 35);
  expect(compareRanks([ranked(0)], [ranked(40)]).topShare).toBe(0);
});
