import type { ModelConfig } from "@infernode/models";
import { describe, expect, test } from "vitest";
import { createLengthRotations, lengthRuleOf } from "../../../src/executors/rotation/length-rotations.ts";
import { fillRowsByLength, ropeRowCount } from "../../../src/executors/rotation/rope-table.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

type Rotary = ModelConfig["rotaries"][number];

const plain: Rotary = { dim: 2, theta: 100, scaling: { type: "none" } };
const dynamic = (originalContextTokens: number): Rotary => ({
  dim: 4,
  theta: 100,
  scaling: { type: "dynamic", factor: 4, originalContextTokens },
});
const longrope = (originalContextTokens: number): Rotary => ({
  dim: 2,
  theta: 100,
  scaling: {
    type: "longrope",
    shortFactors: [1],
    longFactors: [2],
    originalContextTokens,
    attentionFactor: 1,
  },
});

test("finds the one original context of a model", () => {
  expect(lengthRuleOf({ rotaries: [plain] }, 64)).toBeUndefined();
  expect(lengthRuleOf({ rotaries: [plain, longrope(32)] }, 64)).toEqual({
    type: "longrope",
    originalTokens: 32,
  });
  expect(lengthRuleOf({ rotaries: [dynamic(32)] }, 16)).toEqual({ type: "dynamic", originalTokens: 16 });
  expect(() => lengthRuleOf({ rotaries: [longrope(32), longrope(16)] }, 64)).toThrow(
    /got longrope over 32 and longrope over 16/,
  );
  expect(() => lengthRuleOf({ rotaries: [longrope(32), dynamic(32)] }, 64)).toThrow(/and dynamic over 32/);
});

describe("dynamic rotations", () => {
  const sizes = { contextTokens: 16, maxChunkTokens: 8, maxSequences: 3 };
  const never = (): Promise<void> => Promise.reject(new Error("nothing is to be computed again"));

  test("has rows behind those of positions, for a chunk and for each slot", () => {
    expect(ropeRowCount(dynamic(4), sizes)).toBe(16 + 8 + 3);
    expect(ropeRowCount(dynamic(16), sizes)).toBe(16);
  });

  test("chooses rows by the length that a sequence is known to get", async () => {
    const memory = new PlainMemory();
    const rotations = createLengthRotations({ rotaries: [dynamic(4)] }, sizes, { memory, model: "m" });
    if (rotations === undefined) throw new Error("expected rotations");
    const choose = async (
      ...[slot, startPosition, tokenCount, knownLength]: readonly [number, number, number, number?]
    ): Promise<unknown> => {
      const tokenIds = new Int32Array(tokenCount);
      await rotations.place({ slot, startPosition, tokenIds, knownLength }, never);
      const fill = rotations.chooseRows({ slot, startPosition, tokenCount });
      return [Number(rotations.rowStarts[slot]), fill];
    };
    // Within the original context, and the last token of a sequence of any length.
    expect(await choose(1, 0, 4)).toEqual([0, undefined]);
    expect(await choose(1, 9, 1)).toEqual([0, undefined]);
    expect(await choose(1, 9, 1, 10)).toEqual([0, undefined]);
    // A chunk of a prompt, and a single token in its middle.
    const chunk = { row: 16, startPosition: 2, tokenCount: 3, lengthTokens: 9 };
    expect(await choose(1, 2, 3, 9)).toEqual([16 - 2, chunk]);
    const single = { row: 16 + 8 + 1, startPosition: 5, tokenCount: 1, lengthTokens: 9 };
    expect(await choose(1, 5, 1, 9)).toEqual([16 + 8 + 1 - 5, single]);
    // A length that is not known is the end of the chunk.
    expect(await choose(0, 3, 3)).toEqual([
      16 - 3,
      { row: 16, startPosition: 3, tokenCount: 3, lengthTokens: 6 },
    ]);
    rotations.dispose();
    expect(memory.liveBytes).toBe(0);
  });

  test("has the base of the length", () => {
    const table = { rowCount: 1, cos: new Float32Array(2), sin: new Float32Array(2) };
    // (4 · 8 / 4 − 3) ** (4 / 2) = 25 times the base, whose root is the length of the second pair.
    fillRowsByLength(dynamic(4), table, { row: 0, startPosition: 3, tokenCount: 1, lengthTokens: 8 });
    expect([...table.sin]).toEqual([expect.closeTo(Math.sin(3), 6), expect.closeTo(Math.sin(3 / 50), 6)]);
  });
});
