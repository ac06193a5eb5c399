import * as fc from "fast-check";
import { expect, test } from "vitest";
import { divideMemory, type MemoryDemand } from "../../src/models/divide-memory.ts";

const divide = (totalBytes: number, demands: Readonly<Record<string, MemoryDemand>>): object =>
  Object.fromEntries(divideMemory(new Map(Object.entries(demands)), totalBytes));

test("one model may have all", () => {
  expect(divide(100, { a: { leastBytes: 10, wantedBytes: 20 } })).toEqual({ a: 100 });
});

test("what one cannot use is another's", () => {
  const demands = { a: { leastBytes: 10, wantedBytes: 20 }, b: { leastBytes: 10, wantedBytes: 1000 } };
  expect(divide(100, demands)).toEqual({ a: 20, b: 80 });
});

test("what remains over what each needs is shared evenly", () => {
  const demands = { a: { leastBytes: 40, wantedBytes: 1000 }, b: { leastBytes: 20, wantedBytes: 1000 } };
  expect(divide(100, demands)).toEqual({ a: 60, b: 40 });
});

test("what nobody can use is shared evenly", () => {
  const demands = { a: { leastBytes: 1, wantedBytes: 20 }, b: { leastBytes: 1, wantedBytes: 40 } };
  expect(divide(100, demands)).toEqual({ a: 40, b: 60 });
});

test("a model that does not fit is told what was left, and takes nothing from the others", () => {
  const demands = {
    a: { leastBytes: 60, wantedBytes: 60 },
    b: { leastBytes: 50, wantedBytes: 50 },
    c: { leastBytes: 30, wantedBytes: 90 },
  };
  expect(divide(100, demands)).toEqual({ a: 60, b: 10, c: 40 });
});

const demand = fc
  .tuple(fc.nat(1000), fc.nat(1000))
  .map(([leastBytes, more]) => ({ leastBytes, wantedBytes: leastBytes + more }));

test("those that fit have at least what they need, and together no more than there is", () => {
  fc.assert(
    fc.property(fc.array(demand, { minLength: 1, maxLength: 6 }), fc.nat(4000), (demands, totalBytes) => {
      const parts = divideMemory(new Map(demands.map((each, index) => [String(index), each])), totalBytes);
      const fitting = demands
        .map((each, index) => ({ ...each, bytes: parts.get(String(index)) ?? -1 }))
        .filter(({ bytes, leastBytes }) => bytes >= leastBytes);
      expect(fitting.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(totalBytes);
      const [first] = demands;
      if (first !== undefined && first.leastBytes <= totalBytes) {
        expect(parts.get("0")).toBeGreaterThanOrEqual(first.leastBytes);
      }
      // Nobody has more than it wants while another one that fits lacks something.
      const lacking = fitting.some(({ bytes, wantedBytes }) => bytes < wantedBytes);
      if (lacking) expect(fitting.every(({ bytes, wantedBytes }) => bytes <= wantedBytes)).toBe(true);
    }),
    { seed: 31 },
  );
});
