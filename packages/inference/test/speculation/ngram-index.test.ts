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
  const text = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 });
  let foundCount = 0;
  fc.assert(
    fc.property(
      fc.tuple(text, text, text),
      fc.integer({ min: 1, max: 4 }),
      ([first, second, later], matchTokens) => {
        const index = new NgramIndex([Int32Array.from(first), Int32Array.from(second)], matchTokens);
        const known = [...first, ...second];
        for (const tokenId of [undefined, ...later]) {
          if (tokenId !== undefined) {
            index.push(tokenId);
            known.push(tokenId);
          }
          expect(index.learn(1000)).toBe(true);
          const place = index.find();
          // Of more places than are compared a later one may be found, with fewer tokens.
          if (known.length <= 32) expect(place).toBe(findPlainly(known, matchTokens));
          else expect(place === undefined).toBe(findPlainly(known, matchTokens) === undefined);
          if (place !== undefined) expect(matchAt(known, place)).toBeGreaterThanOrEqual(matchTokens);
          foundCount += Number(place !== undefined);
        }
      },
    ),
    { seed: 5, numRuns: 200 },
  );
  expect(foundCount).toBeGreaterThan(400);
});

function matchAt(tokenIds: readonly number[], place: number): number {
  let length = 0;
  while (length < place && tokenIds[place - 1 - length] === tokenIds[tokenIds.length - 1 - length]) {
    length += 1;
  }
  return length;
}

it("learns a long text in parts, and finds what it has learnt", () => {
  const tokenIds = Int32Array.from({ length: 10_000 }, (_, at) => (at === 9_999 ? 41 : at));
  tokenIds.set([39, 40, 41], 9_997);
  const index = new NgramIndex([tokenIds], 3);
  expect(index.find()).toBe(undefined);
  expect(index.learn(30)).toBe(false);
  expect(index.find()).toBe(undefined);
  expect(index.learn(30)).toBe(false);
  expect(index.find()).toBe(42);
  expect(index.learn(10_000)).toBe(true);
  expect(index.find()).toBe(42);
});
