import type { ModelConfig } from "@infernode/models";
import { expect, test } from "vitest";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import { difference } from "../support/dequantize.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { runPages } from "../support/run-pages.ts";
import { describeOnDevice } from "./describe-device.ts";

const headDims = [8, 9, 20, 33, 64, 101, 128, 256, 511, 512];
const groupings = [
  { headCount: 3, kvHeadCount: 3 },
  { headCount: 4, kvHeadCount: 2 },
  { headCount: 3, kvHeadCount: 1 },
] as const;
const tokens = [3, 5, 80, 11, 12, 3, 7, 66, 31, 2, 44, 19, 8, 51, 52, 1, 17, 33];
/** The prompt whole, token by token, and in chunks beside single tokens. */
const cuts = [[tokens.length], tokens.map(() => 1), [13, 1, 4]];

/** Heads of a width; many have a window, a cap, sinks, queries that are scaled by position, or neighbours that rotate. Odd ones rotate in part or not. */
function configOf(headDim: number): ModelConfig {
  const number = headDims.indexOf(headDim);
  const isWhole = headDim % 2 === 0 && number % 3 > 0;
  const dim = isWhole ? headDim : 2 * Math.ceil(headDim / 5);
  const isRotated = headDim % 2 === 0 || number % 3 > 0;
  return {
    ...tinyConfig,
    ...groupings[number % groupings.length]!,
    headDim,
    hiddenSize: 24,
    intermediateSize: 16,
    rotaries: isRotated ? [{ dim, theta: 10_000, scaling: { type: "none" } }] : [],
    layerRotary: isRotated ? [0, 0] : [undefined, undefined],
    attentionScale: headDim ** -0.5,
    queryScaling: number % 3 === 0 ? { beta: 0.5, originalContextTokens: 4 } : undefined,
    attentionSoftCap: number % 4 === 0 ? 2 : undefined,
    slidingWindowTokens: [number % 2 === 0 ? 5 : undefined, undefined],
    hasInterleavedRope: number % 5 === 0,
    hasAttentionSinks: number % 4 === 1,
  };
}

describeOnDevice("heads on a CUDA device", (openPool) => {
  test.each(headDims)("of %i features, like an oracle in double precision", async (headDim) => {
    await using checkpoint = await createRandomCheckpoint(configOf(headDim), headDim);
    const { model } = checkpoint;
    using memory = openPool();
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      maxSequences: 1,
      productPrecision: "float32",
    });
    expect(executor.plan.kvCacheDtype).toBe("float32");
    const wanted = Float32Array.from(checkpoint.referenceLogits(tokens).at(-1)!);
    for (const lengths of cuts) {
      let start = 0;
      let row: Float32Array | undefined;
      for (const length of lengths) {
        const tokenIds = tokens.slice(start, start + length);
        [row] = await runPages(executor, [{ sequence: 0, startPosition: start, tokenIds }]);
        start += length;
      }
      expect(difference(row!, wanted)).toBeLessThan(2e-5);
    }
  });

  test.each([
    ["bfloat16", 64, 0.02],
    ["bfloat16", 511, 0.02],
    ["int8", 64, 0.02],
    ["int8", 101, 0.02],
    ["int8", 512, 0.05],
  ] as const)("a cache of %s with heads of %i changes little", async (kvCacheDtype, headDim, most) => {
    await using checkpoint = await createRandomCheckpoint(configOf(headDim), 1);
    const { model } = checkpoint;
    using memory = openPool();
    const sizes = { maxSequences: 1, kvCacheDtype };
    await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
    const wanted = Float32Array.from(checkpoint.referenceLogits(tokens).at(-1)!);
    const [row] = await runPages(executor, [{ sequence: 0, startPosition: 0, tokenIds: tokens }]);
    const found = difference(row!, wanted);
    expect(found).toBeLessThan(most);
    expect(found).toBeGreaterThan(1e-5);
  });
});
