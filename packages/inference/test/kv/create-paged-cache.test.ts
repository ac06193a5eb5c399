import { expect, test } from "vitest";
import { createPagedCache } from "../../src/kv/create-paged-cache.ts";
import type { CachedSequence, KvCache } from "../../src/kv/kv-cache.ts";

const pageTokens = 4;

function createCache(
  pageCount: number,
  sizes: { sequenceTokens?: number; maxSequences?: number; isShareable?: boolean } = {},
): KvCache {
  const storage = { layout: "pages", pageCount, pageTokens, sequenceTokens: 100, maxSequences: 8 } as const;
  return createPagedCache({ ...storage, ...sizes });
}

/** The tokens from `first` on. */
function tokens(count: number, first = 0): Int32Array {
  return Int32Array.from({ length: count }, (_, at) => first + at);
}

/** Admits a sequence and computes all tokens that it was admitted with. */
function compute(cache: KvCache, tokenIds: Int32Array, scope = 0): CachedSequence {
  const sequence = cache.admit(tokenIds, tokenIds.length, scope)!;
  cache.advance(sequence, tokenIds.length - sequence.tokenCount, []);
  return sequence;
}

test("admits sequences while there are pages for their tokens and one for each of the others", () => {
  const cache = createCache(6, { sequenceTokens: 20, maxSequences: 3 });
  expect(cache).toMatchObject({ capacityTokens: 24, sequenceCapacityTokens: 20, blockTableStride: 5 });
  expect(cache.admit(tokens(3), 21)).toBeUndefined();
  const first = cache.admit(tokens(5), 20)!;
  expect([first.tokenCount, first.pageIds, cache.usage()]).toEqual([0, [0, 1], 2 / 6]);
  // It has 4 pages, and one is for the growth of the first.
  expect(cache.admit(tokens(16, 50), 20)).toBeUndefined();
  expect(cache.admit(tokens(12, 50), 20)?.pageIds).toEqual([2, 3, 4]);
  expect(cache.admit(tokens(1, 70), 20)).toBeUndefined();
  cache.release(first);
  cache.release(first);
  expect(cache.usage()).toBe(3 / 6);
});

test("bounds a sequence by all pages", () => {
  expect(createCache(3)).toMatchObject({ sequenceCapacityTokens: 12, blockTableStride: 3 });
});

test("shares full pages of the same beginning, and never the page of the last token", () => {
  const cache = createCache(20);
  const first = compute(cache, tokens(9));
  const longer = cache.admit(tokens(11), 11)!;
  expect([longer.tokenCount, longer.sharedTokenCount]).toEqual([8, 8]);
  expect(longer.pageIds.slice(0, 2)).toEqual(first.pageIds.slice(0, 2));
  expect(longer.pageIds[2]).not.toBe(first.pageIds[2]);
  const exact = cache.admit(tokens(8), 8)!;
  expect([exact.tokenCount, exact.pageIds[0]]).toEqual([4, first.pageIds[0]]);
  expect(exact.pageIds[1]).not.toBe(first.pageIds[1]);
  const other = cache.admit(Int32Array.of(...tokens(4), 9, 9, 9, 9, 9), 9)!;
  expect([other.tokenCount, other.pageIds[0]]).toEqual([4, first.pageIds[0]]);
  // Equal tokens after others are not the same.
  expect(cache.admit(tokens(9, 4), 9)?.tokenCount).toBe(0);
});

test("shares nothing between scopes", () => {
  const cache = createCache(20);
  compute(cache, tokens(9), 1);
  expect(cache.admit(tokens(9), 9)?.tokenCount).toBe(0);
  expect(cache.admit(tokens(9), 9, 1)?.tokenCount).toBe(8);
});

test("has sequences wait for pages that another computes, page by page", () => {
  const cache = createCache(20);
  const first = cache.admit(tokens(13), 13)!;
  const [second, short] = [cache.admit(tokens(13), 13)!, cache.admit(tokens(6), 6)!];
  const counts = (): unknown[] =>
    [second, short].map((each) => [each.tokenCount, cache.isWaitingForPrefix(each)]);
  expect(cache.isWaitingForPrefix(first)).toBe(false);
  expect(counts()).toEqual([
    [0, true],
    [0, true],
  ]);
  cache.advance(first, 5, []);
  expect(counts()).toEqual([
    [4, true],
    [4, false],
  ]);
  cache.advance(first, 8, []);
  expect(counts()).toEqual([
    [12, false],
    [4, false],
  ]);
});

test("lets the next sequence compute what the first did not", () => {
  const cache = createCache(20);
  const first = cache.admit(tokens(13), 13)!;
  const [second, third] = [cache.admit(tokens(9), 9)!, cache.admit(tokens(13), 13)!];
  cache.advance(first, 6, []);
  cache.release(first);
  expect([second.tokenCount, cache.isWaitingForPrefix(second)]).toEqual([4, false]);
  expect([third.tokenCount, cache.isWaitingForPrefix(third)]).toEqual([4, true]);
  cache.advance(second, 5, []);
  // The third page was the first's alone after that.
  expect([third.tokenCount, cache.isWaitingForPrefix(third)]).toEqual([8, false]);
  cache.advance(third, 5, []);
  expect(cache.admit(tokens(13), 13)?.tokenCount).toBe(12);
});

test("forgets pages that nobody computes any more", () => {
  const cache = createCache(20);
  cache.release(cache.admit(tokens(13), 13)!);
  expect(cache.usage()).toBe(0);
  expect(cache.admit(tokens(13), 13)?.tokenCount).toBe(0);
});

test("keeps pages after a release, and takes those first that were not used for longest, from the end", () => {
  const cache = createCache(6);
  cache.release(compute(cache, tokens(9)));
  cache.release(compute(cache, tokens(9, 100)));
  cache.release(compute(cache, tokens(9)));
  expect(cache.usage()).toBe(0);
  // Two pages have no content, then the second sequence's last.
  cache.release(cache.admit(tokens(12, 200), 12)!);
  const second = cache.admit(tokens(9, 100), 9)!;
  expect(second.tokenCount).toBe(4);
  cache.release(second);
  expect(cache.admit(tokens(9), 9)?.tokenCount).toBe(8);
});

test("grows page by page, and fails where all pages are in use", () => {
  const cache = createCache(3);
  const [first, second] = [cache.admit(tokens(4), 12)!, cache.admit(tokens(4, 50), 12)!];
  for (const sequence of [first, second]) cache.advance(sequence, 4, []);
  expect([cache.grow(first, 1), cache.grow(second, 1), cache.grow(first, 4), cache.grow(first, 5)]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect(cache.usage()).toBe(1);
  cache.release(second);
  expect([cache.grow(first, 8), cache.grow(first, 9)]).toEqual([true, false]);
});

test("returns all tokens of a preempted sequence, which shares what is left of them", () => {
  const cache = createCache(6);
  const sequence = cache.admit(tokens(3), 24)!;
  cache.advance(sequence, 3, []);
  cache.grow(sequence, 7);
  // Of these, the last is a rejected proposal.
  cache.advance(sequence, 6, [3, 4, 5, 6, 7, 8, 99]);
  expect([sequence.tokenCount, sequence.pageIds.length]).toEqual([9, 3]);
  const all = cache.preempt(sequence);
  expect([...all]).toEqual([...tokens(9)]);
  expect(cache.usage()).toBe(0);
  const again = cache.admit(all, 24)!;
  expect(again.tokenCount).toBe(8);
  const prefilling = cache.admit(tokens(7, 30), 24)!;
  expect(cache.preempt(prefilling)).toBe(prefilling.tokenIds);
});

test("has two sequences that computed the same page share one", () => {
  const cache = createCache(8);
  const [first, second] = [cache.admit(tokens(4), 12)!, cache.admit(tokens(4), 12)!];
  for (const sequence of [first, second]) cache.advance(sequence, 4, []);
  expect(second.pageIds).toEqual(first.pageIds);
  for (const sequence of [first, second]) {
    cache.grow(sequence, 4);
    cache.advance(sequence, 4, [4, 5, 6, 7]);
  }
  expect([second.pageIds, cache.usage()]).toEqual([first.pageIds, 2 / 8]);
  for (const [at, sequence] of [first, second].entries()) {
    cache.grow(sequence, 4);
    cache.advance(sequence, 4, [8, 9, 10, at]);
  }
  expect(second.pageIds.slice(0, 2)).toEqual(first.pageIds.slice(0, 2));
  expect([second.pageIds[2] === first.pageIds[2], cache.usage()]).toEqual([false, 4 / 8]);
});

test("writes the rows of block tables", () => {
  const cache = createCache(8, { sequenceTokens: 12 });
  const [first, second] = [cache.admit(tokens(5), 12)!, cache.admit(tokens(9, 50), 12)!];
  const blockTables = new Int32Array(6).fill(-1);
  const sequences = [{ cached: second }, { cached: first }];
  cache.place({ sequences, lengths: Int32Array.of(9, 5), slots: new Int32Array(2), blockTables });
  expect([...blockTables]).toEqual([2, 3, 4, 0, 1, -1]);
});

test("gives sequences pages of their own where keys depend on the length of a sequence", () => {
  const cache = createCache(12, { isShareable: false });
  expect(cache.hasPrefixCache).toBe(false);
  const first = compute(cache, tokens(9));
  const second = compute(cache, tokens(9));
  expect([first.pageIds, second.pageIds]).toEqual([
    [0, 1, 2],
    [3, 4, 5],
  ]);
  cache.release(first);
  expect(cache.admit(tokens(9), 20)?.tokenCount).toBe(0);
});
