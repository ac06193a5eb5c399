import { expect, it } from "vitest";
import { SequenceSpeculation } from "../../src/speculation/sequence-speculation.ts";

function createSpeculation(maxTokens: number): SequenceSpeculation {
  const propose = (into: Int32Array): number => into.fill(7).length;
  return new SequenceSpeculation({ accept: () => {}, propose }, maxTokens);
}

it("proposes more after proposals that were confirmed, and fewer after others", () => {
  const speculation = createSpeculation(8);
  const counts: number[] = [];
  for (const confirmed of [8, 2, 3, 6, 8, 1]) {
    const count = speculation.propose(100);
    counts.push(count);
    speculation.settle(count, Math.min(count, confirmed));
  }
  expect(counts).toEqual([8, 8, 3, 6, 8, 8]);
  expect(speculation.propose(100)).toBe(2);
  expect(speculation.propose(1)).toBe(1);
  expect([speculation.proposedCount, speculation.confirmedCount]).toEqual([41, 28]);
});

it("pauses ever longer while nothing is confirmed, and not any more once something is", () => {
  const speculation = createSpeculation(4);
  const pauses: number[] = [];
  const failAgain = (): void => {
    let pause = 0;
    for (; speculation.propose(4) === 0; pause += 1) {
      expect(speculation.isLikely).toBe(false);
      speculation.accept(1);
    }
    pauses.push(pause);
    speculation.settle(1, 0);
  };
  for (let count = 0; count < 9; count += 1) failAgain();
  expect(pauses).toEqual([0, 0, 1, 3, 7, 15, 31, 63, 63]);
  while (speculation.propose(4) === 0) speculation.accept(1);
  speculation.settle(1, 1);
  pauses.length = 0;
  for (let count = 0; count < 3; count += 1) failAgain();
  expect(pauses).toEqual([0, 0, 1]);
});

it("expects no proposals for some tokens after there were none", () => {
  let count = 0;
  const speculation = new SequenceSpeculation({ accept: () => {}, propose: () => count }, 4);
  const lulls: number[] = [];
  const tryAgain = (): void => {
    expect(speculation.propose(4)).toBe(count);
    let lull = 0;
    for (; !speculation.isLikely; lull += 1) speculation.accept(1);
    lulls.push(lull);
  };
  for (let time = 0; time < 6; time += 1) tryAgain();
  count = 2;
  tryAgain();
  count = 0;
  tryAgain();
  expect(lulls).toEqual([1, 2, 4, 8, 8, 8, 0, 1]);
});
