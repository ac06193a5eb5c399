import * as fc from "fast-check";
import { expect, it } from "vitest";
import { NgramIndex } from "../../src/speculation/ngram-index.ts";

/** The place with the most of the last tokens before it, up to 32, of equal ones the latest; as is, over all places. */
function findPlainly(tokenIds: readonly number[], matchTokens: number): number | undefined {
  let best: number | undefined;
  let bestLength = matchTokens - 1;
  for (let place = tokenIds.length - 1; place >= matchTokens; place -= 1) {
    let length = 0;
    while (
      length < Math.min(place, 32) &&
      tokenIds[place - 1 - length] === tokenIds[tokenIds.length - 1 - length]
    ) {
      length += 1;
    }
    if (length <= bestLength) continue;
    best = place;
    bestLength = length;
  }
  return best;
}

it("finds where most of the last tokens were before, as a search of all places does", () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 });
  let foundCount = 0;
  fc.assert(
    fc.property(fc.tuple(tokens, tokens), fc.integer({ min: 1, max: 4 }), ([first, later], matchTokens) => {
      const given = Int32Array.from(first);
      const index = new NgramIndex(given, matchTokens);
      const known = [...first];
      for (const tokenId of [undefined, ...later]) {
        if (tokenId !== undefined) {
          index.push(tokenId);
          known.push(tokenId);
        }
        index.learn(1000);
        const found = { place: -1, matchTokens: 0 };
        const isFound = index.find(index, found);
        const expected = findPlainly(known, matchTokens);
        expect(isFound).toBe(expected !== undefined);
        if (expected === undefined) continue;
        foundCount += 1;
        expect(found.matchTokens).toBe(matchAt(known, found.place));
        // Of more places than are compared a later one may be found, with fewer tokens.
        if (known.length <= 32) expect(found.place).toBe(expected);
        else expect(found.matchTokens).toBeGreaterThanOrEqual(matchTokens);
      }
      expect(given).toEqual(Int32Array.from(first));
    }),
    { seed: 5, numRuns: 200 },
  );
  expect(foundCount).toBeGreaterThan(300);
});

function matchAt(tokenIds: readonly number[], place: number): number {
  let length = 0;
  const most = Math.min(place, 32);
  while (length < most && tokenIds[place - 1 - length] === tokenIds[tokenIds.length - 1 - length]) {
    length += 1;
  }
  return length;
}

it("learns a long text in parts, and finds the last tokens of another in what it has learnt", () => {
  const index = new NgramIndex(
    Int32Array.from({ length: 10_000 }, (_, at) => at),
    3,
  );
  const text = new NgramIndex(Int32Array.of(7, 39, 40, 41), 3);
  const find = (matchTokens: number): number | undefined => {
    const found = { place: -1, matchTokens };
    return index.find(text, found) ? found.place : undefined;
  };
  expect(find(0)).toBe(undefined);
  index.learn(30);
  expect(find(0)).toBe(undefined);
  index.learn(30);
  expect(find(0)).toBe(42);
  index.learn(10_000);
  expect(find(0)).toBe(42);
  expect(find(3)).toBe(undefined);
});
