import * as fc from "fast-check";
import { expect, test } from "vitest";
import { divideMemory, type MemoryDemand } from "../../src/models/divide-memory.ts";

const divide = (totalBytes: number, demands: Readonly<Record<string, MemoryDemand>>): object =>
  Object.fromEntries(divideMemory(new Map(Object.entries(demands)), totalBytes));

test("one model may have all", () => {
  expect(divide(100, { a: { minBytes: 10, maxBytes: 20 } })).toEqual({ a: 100 });
});

test("what one cannot use is another's", () => {
  const demands = { a: { minBytes: 10, maxBytes: 20 }, b: { minBytes: 10, maxBytes: 1000 } };
  expect(divide(100, demands)).toEqual({ a: 20, b: 80 });
});

test("what remains over what each needs is shared evenly", () => {
  const demands = { a: { minBytes: 40, maxBytes: 1000 }, b: { minBytes: 20, maxBytes: 1000 } };
  expect(divide(100, demands)).toEqual({ a: 60, b: 40 });
});

test("what nobody can use is shared evenly", () => {
  const demands = { a: { minBytes: 1, maxBytes: 20 }, b: { minBytes: 1, maxBytes: 40 } };
  expect(divide(100, demands)).toEqual({ a: 40, b: 60 });
});

test("a model that does not fit is told what was left, and takes nothing from the others", () => {
  const demands = {
    a: { minBytes: 60, maxBytes: 60 },
    b: { minBytes: 50, maxBytes: 50 },
    c: { minBytes: 30, maxBytes: 90 },
  };
  expect(divide(100, demands)).toEqual({ a: 60, b: 10, c: 40 });
});

const demand = fc
  .tuple(fc.nat(1000), fc.nat(1000))
  .map(([minBytes, more]) => ({ minBytes, maxBytes: minBytes + more }));

test("those that fit have at least what they need, and together no more than there is", () => {
  fc.assert(
    fc.property(fc.array(demand, { minLength: 1, maxLength: 6 }), fc.nat(4000), (demands, totalBytes) => {
      const parts = divideMemory(new Map(demands.map((each, index) => [String(index), each])), totalBytes);
      const fitting = demands
        .map((each, index) => ({ ...each, bytes: parts.get(String(index)) ?? -1 }))
        .filter(({ bytes, minBytes }) => bytes >= minBytes);
      expect(fitting.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(totalBytes);
      const [first] = demands;
      if (first !== undefined && first.minBytes <= totalBytes) {
        expect(parts.get("0")).toBeGreaterThanOrEqual(first.minBytes);
      }
      // Nobody has more than it wants while another one that fits lacks something.
      const lacking = fitting.some(({ bytes, maxBytes }) => bytes < maxBytes);
      if (lacking) expect(fitting.every(({ bytes, maxBytes }) => bytes <= maxBytes)).toBe(true);
    }),
    { seed: 31 },
  );
});
