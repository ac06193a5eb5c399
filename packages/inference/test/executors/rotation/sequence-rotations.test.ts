import { describe, expect, test } from "vitest";
import { SequenceRotations } from "../../../src/executors/rotation/sequence-rotations.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

const original = 4;
const create = (memory = new PlainMemory()): SequenceRotations =>
  new SequenceRotations(original, { maxSequences: 3, contextTokens: 16 }, { memory, model: "m" });

/** Starts of the first slots in the table. */
function startsOf(rotations: SequenceRotations): number[] {
  return Array.from(rotations.rowStarts, Number);
}

/** Places tokens, and returns those that were computed again. */
async function place(
  rotations: SequenceRotations,
  slot: number,
  [startPosition, ...tokenIds]: readonly [number, ...number[]],
): Promise<number[]> {
  const again: number[] = [];
  await rotations.place({ slot, startPosition, tokenIds: Int32Array.from(tokenIds) }, async (chunk) => {
    expect([chunk.slot, chunk.startPosition]).toEqual([slot, 0]);
    again.push(...chunk.tokenIds);
  });
  return again;
}

describe("a sequence that passes the original context", () => {
  test("is computed again from its start, once", async () => {
    const rotations = create();
    expect(await place(rotations, 1, [0, 11, 12, 13])).toEqual([]);
    expect(await place(rotations, 1, [3, 14])).toEqual([]);
    expect(startsOf(rotations)).toEqual([0, 0, 0]);
    expect(await place(rotations, 1, [4, 15])).toEqual([11, 12, 13, 14]);
    expect(startsOf(rotations)).toEqual([0, original, 0]);
    expect(await place(rotations, 1, [5, 16])).toEqual([]);
  });

  test("is computed as a longer one from the start if that is known", async () => {
    const rotations = create();
    const never = (): Promise<void> => Promise.reject(new Error("nothing is to be computed again"));
    for (const startPosition of [0, 2, 4]) {
      const tokenIds = Int32Array.of(1, 2);
      await rotations.place({ slot: 0, startPosition, tokenIds, knownLength: 6 }, never);
      expect(startsOf(rotations)).toEqual([original, 0, 0]);
    }
  });

  test("is computed again when it is cut back, and not when another takes its slot", async () => {
    const rotations = create();
    expect(await place(rotations, 0, [0, 1, 2, 3, 4, 5])).toEqual([]);
    expect(await place(rotations, 0, [2, 7])).toEqual([1, 2]);
    expect(await place(rotations, 0, [0, 1, 2, 3, 4, 5])).toEqual([]);
    expect(await place(rotations, 0, [0, 9])).toEqual([]);
    expect(startsOf(rotations)).toEqual([0, 0, 0]);
  });

  test("takes its tokens with it to another slot", async () => {
    const rotations = create();
    await place(rotations, 0, [0, 1, 2, 3, 4, 5]);
    await place(rotations, 2, [0, 21, 22]);
    rotations.move({ from: 0, to: 1, fromTokens: 3, toTokens: 0 });
    expect(startsOf(rotations)).toEqual([original, original, 0]);
    expect(await place(rotations, 1, [3, 8])).toEqual([1, 2, 3]);
    rotations.move({ from: 0, to: 2, fromTokens: 5, toTokens: 2 });
    expect(startsOf(rotations)).toEqual([0, 0, original]);
    expect(await place(rotations, 0, [2, 23, 24, 25])).toEqual([21, 22]);
    expect(await place(rotations, 2, [3, 9])).toEqual([1, 2, 3]);
  });
});

test("cuts a chunk at the original context if logits are wanted on both sides", () => {
  const rotations = create();
  const ends = (
    ...[startPosition, count, logitCount, knownLength]: readonly [number, number, number, number?]
  ): unknown =>
    rotations.partEnds({ slot: 0, startPosition, tokenIds: new Int32Array(count), knownLength }, logitCount);
  expect(ends(0, 8, 1)).toEqual([8]);
  expect(ends(0, 8, 4)).toEqual([8]);
  expect(ends(0, 8, 5)).toEqual([4, 8]);
  expect(ends(2, 6, 6)).toEqual([2, 6]);
  expect(ends(0, 4, 4)).toEqual([4]);
  expect(ends(5, 3, 3)).toEqual([3]);
  expect(ends(2, 6, 6, 4)).toEqual([2, 6]);
  expect(ends(2, 6, 6, 8)).toEqual([6]);
});

test("frees its memory", () => {
  const memory = new PlainMemory();
  const rotations = create(memory);
  expect(memory.liveBytes).toBe(3 * (8 + 16 * 4));
  rotations.dispose();
  expect(memory.liveBytes).toBe(0);
});
