import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Candidates } from "../../src/sampling/candidates.ts";
import { selectNucleus } from "../../src/sampling/select-nucleus.ts";
import { selectTop } from "../../src/sampling/select-top.ts";

function candidatesOf(weights: readonly number[]): Candidates {
  const candidates = new Candidates(new Int32Array(weights.length), new Float64Array(weights.length));
  for (const [id, weight] of weights.entries()) candidates.add(id, weight);
  return candidates;
}

function idsOf(candidates: Candidates): number[] {
  return [...candidates.ids.subarray(0, candidates.count)].sort((a, b) => a - b);
}

/** By sorting everything. */
function sortedIds(weights: ArrayLike<number>): number[] {
  return Array.from(weights, (_, id) => id).sort((a, b) => weights[b]! - weights[a]! || a - b);
}

// Few different values, so that equals are common.
const rows = fc.array(fc.integer({ min: -6, max: 6 }), { minLength: 1, maxLength: 80 });

describe("selectTop", () => {
  it("selects what a full sort would, of equal entries the lower ids", () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 90 }), (values, count) => {
        const row = Float32Array.from(values);
        const candidates = candidatesOf(values);
        selectTop(row, count, candidates);
        const expected = sortedIds(row).slice(0, count);
        expect(candidates.count).toBe(expected.length);
        expect(idsOf(candidates)).toEqual(expected.toSorted((a, b) => a - b));
        candidates.sort();
        expect([...candidates.ids.subarray(0, candidates.count)]).toEqual(expected);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("selects nothing for a count of 0", () => {
    const candidates = candidatesOf([1, 2, 3]);
    selectTop(Float32Array.of(1, 2, 3), 0, candidates);
    expect(candidates.count).toBe(0);
  });
});

describe("selectNucleus", () => {
  it("keeps the smallest set that reaches the share", () => {
    const weights = [0.1, 0.4, 0.2, 0.25, 0.05];
    const kept = (topP: number): number[] => {
      const candidates = candidatesOf(weights);
      selectNucleus(candidates, topP);
      return idsOf(candidates);
    };
    expect(kept(0.01)).toEqual([1]);
    expect(kept(0.39)).toEqual([1]);
    expect(kept(0.41)).toEqual([1, 3]);
    expect(kept(0.7)).toEqual([1, 2, 3]);
    expect(kept(0.9)).toEqual([0, 1, 2, 3]);
    expect(kept(0.999)).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([
    [0.5, [0]],
    [0.75, [0, 1]],
    [0.875, [0, 1, 2]],
  ])("keeps no more than reaches a share of exactly %f", (topP, expected) => {
    const candidates = candidatesOf([4, 2, 1, 1]);
    selectNucleus(candidates, topP);
    expect(idsOf(candidates)).toEqual(expected);
  });

  it("keeps what a full sort would", () => {
    // Integer weights add up without rounding; a share of k/1000 of a total that divides it not at all.
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 999 }), (values, thousandths) => {
        const topP = (thousandths + 0.5) / 1000.7;
        const total = values.reduce((sum, value) => sum + value, 0);
        const expected: number[] = [];
        let sum = 0;
        for (const id of sortedIds(values)) {
          if (sum >= topP * total) break;
          expected.push(id);
          sum += values[id]!;
        }
        const candidates = candidatesOf(values);
        selectNucleus(candidates, topP);
        expect(idsOf(candidates)).toEqual(expected.toSorted((a, b) => a - b));
      }),
      { seed: 2, numRuns: 1000 },
    );
  });

  it("takes a flat distribution in bounded time", () => {
    const candidates = candidatesOf(Array.from({ length: 150_000 }, () => 1));
    selectNucleus(candidates, 0.5);
    expect(candidates.count).toBe(75_000);
  });
});
