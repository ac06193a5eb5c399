import { expect, test } from "vitest";
import type { SlotMove, SlotStorage } from "../../src/index.ts";
import { createSlotCache } from "../../src/kv/create-slot-cache.ts";

function createStorage(
  sizes: Pick<SlotStorage, "slotCount" | "slotTokens">,
): SlotStorage & { readonly moves: SlotMove[] } {
  const moves: SlotMove[] = [];
  return { layout: "slots", ...sizes, moves, move: (move) => moves.push(move) };
}

test("admits sequences while there are slots, and again after a release", () => {
  const cache = createSlotCache(createStorage({ slotCount: 2, slotTokens: 10 }));
  expect(cache).toMatchObject({ capacityTokens: 20, sequenceCapacityTokens: 10, maxSequences: 2 });
  expect(cache.admit(new Int32Array(3), 11)).toBeUndefined();
  const first = cache.admit(new Int32Array(3), 10)!;
  expect(cache.admit(new Int32Array(3), 1)).toMatchObject({ slot: 1, tokenCount: 0 });
  expect([cache.admit(new Int32Array(3), 1), cache.usage()]).toEqual([undefined, 1]);
  cache.release(first);
  cache.release(first);
  expect(cache.usage()).toBe(0.5);
  expect(cache.admit(new Int32Array(3), 10)).toMatchObject({ slot: 0, tokenCount: 0 });
});

test("copies all of a prompt but its last token to waiting and to later sequences", () => {
  const storage = createStorage({ slotCount: 4, slotTokens: 10 });
  const cache = createSlotCache(storage);
  const prompt = new Int32Array(5);
  const [first, second, other] = [prompt, prompt, new Int32Array(5)].map((ids) => cache.admit(ids, 9)!);
  expect([first, second, other].map((each) => cache.isWaitingForPrefix(each!))).toEqual([false, true, false]);
  cache.advance(first!, 3, []);
  expect([second!.tokenCount, storage.moves]).toEqual([0, []]);
  cache.advance(first!, 2, []);
  expect([second!.tokenCount, cache.isWaitingForPrefix(second!)]).toEqual([4, false]);
  cache.advance(first!, 1, []);
  expect(cache.admit(prompt, 9)).toMatchObject({ slot: 3, tokenCount: 4 });
  expect(storage.moves).toEqual([
    { from: 0, to: 1, fromTokens: 4, toTokens: 0 },
    { from: 0, to: 3, fromTokens: 4, toTokens: 0 },
  ]);
});

test("lets the next sequence compute a prompt that the first did not complete", () => {
  const storage = createStorage({ slotCount: 3, slotTokens: 10 });
  const cache = createSlotCache(storage);
  const prompt = new Int32Array(5);
  const [first, second, third] = [prompt, prompt, prompt].map((ids) => cache.admit(ids, 9)!);
  cache.advance(first!, 3, []);
  cache.release(first!);
  expect([cache.isWaitingForPrefix(second!), cache.isWaitingForPrefix(third!)]).toEqual([false, true]);
  cache.advance(second!, 5, []);
  expect([third!.tokenCount, storage.moves.length]).toEqual([4, 1]);
});

test("has nothing to copy of a prompt of one token", () => {
  const storage = createStorage({ slotCount: 2, slotTokens: 10 });
  const cache = createSlotCache(storage);
  const prompt = new Int32Array(1);
  const [first, second] = [cache.admit(prompt, 9)!, cache.admit(prompt, 9)!];
  expect(cache.isWaitingForPrefix(second)).toBe(false);
  cache.advance(first, 1, []);
  expect([second.tokenCount, storage.moves]).toEqual([0, []]);
});

test("goes on from the accepted ones of several tokens, and grows within its slot", () => {
  const cache = createSlotCache(createStorage({ slotCount: 1, slotTokens: 10 }));
  const sequence = cache.admit(new Int32Array(5), 10)!;
  cache.advance(sequence, 5, []);
  expect([cache.grow(sequence, 5), cache.grow(sequence, 6)]).toEqual([true, false]);
  // Of four that were computed, two were right.
  cache.advance(sequence, 2, []);
  expect([sequence.tokenCount, cache.grow(sequence, 3), cache.grow(sequence, 4)]).toEqual([7, true, false]);
});

test("computes a sequence again that was preempted, all of its tokens", () => {
  const cache = createSlotCache(createStorage({ slotCount: 1, slotTokens: 10 }));
  const sequence = cache.admit(Int32Array.of(1, 2), 10)!;
  cache.advance(sequence, 4, []);
  cache.release(sequence);
  const again = cache.admit(Int32Array.of(1, 2, 3, 4, 5), 10)!;
  expect([again.tokenCount, again.tokenIds.length]).toEqual([0, 5]);
});
