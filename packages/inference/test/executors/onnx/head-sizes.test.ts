import type { ModelConfig } from "@infernode/models";
import { describe, expect, test } from "vitest";
import type { Executor } from "../../../src/executors/executor.ts";
import { createOnnxExecutor } from "../../../src/executors/onnx/index.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { kvStepsOf } from "../support/kv-steps.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";

const headDims = [8, 9, 10, 12, 15, 20, 33, 40, 48, 72, 96, 100, 101, 120, 128, 160, 192, 256, 320, 511, 512];
const groupings = [
  ["multi-head", { headCount: 3, kvHeadCount: 3 }],
  ["grouped", { headCount: 4, kvHeadCount: 2 }],
  ["multi-query", { headCount: 3, kvHeadCount: 1 }],
] as const;
const tokens = [3, 5, 80, 11, 12, 3, 7, 66, 31, 2, 44, 19];
/** The prompt whole, token by token, and in chunks beside single tokens. */
const cuts = [[12], tokens.map(() => 1), [7, 1, 4]];

/** Heads of a width; many have a window, a cap, sinks, queries that are scaled by position, or neighbours that rotate. Odd ones rotate in part or not. */
function configOf(headDim: number, heads: Pick<ModelConfig, "headCount" | "kvHeadCount">): ModelConfig {
  const number = headDims.indexOf(headDim) + heads.headCount;
  const isWhole = headDim % 2 === 0 && number % 3 > 0;
  const dim = isWhole ? headDim : 2 * Math.ceil(headDim / 5);
  const isRotated = headDim % 2 === 0 || number % 3 > 0;
  return {
    ...tinyConfig,
    ...heads,
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

async function logitsOf(executor: Executor, lengths: readonly number[]): Promise<Float32Array> {
  let start = 0;
  let last = new Float32Array();
  for (const length of lengths) {
    const result = await executor.forward({
      chunkCount: 1,
      slots: Int32Array.of(0),
      startPositions: Int32Array.of(start),
      lengths: Int32Array.of(length),
      logitCounts: Int32Array.of(1),
      tokenIds: Int32Array.from(tokens.slice(start, start + length)),
    });
    last = Float32Array.from(result.row(0));
    start += length;
  }
  return last;
}

function difference(found: Float32Array, wanted: Float64Array): number {
  const largest = wanted.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  return found.reduce((most, logit, at) => Math.max(most, Math.abs(logit - wanted[at]!)), 0) / largest;
}

describe.each(headDims)("heads of %i", (headDim) => {
  test.each(groupings)("%s, like an oracle in double precision", async (_, heads) => {
    const config = configOf(headDim, heads);
    await using checkpoint = await createRandomCheckpoint(config, headDim);
    const { model } = checkpoint;
    await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), maxSequences: 1 });
    expect(executor.plan.kvHeadDim).toBe(8 * Math.ceil(headDim / 8));
    const wanted = checkpoint.referenceLogits(tokens).at(-1)!;
    for (const lengths of cuts) {
      expect(difference(await logitsOf(executor, lengths), wanted)).toBeLessThan(1e-5);
    }
  });

  test.each(groupings)("%s, on a cache of int8, like the oracle that rounds alike", async (_, heads) => {
    const config = configOf(headDim, heads);
    await using checkpoint = await createRandomCheckpoint(config, headDim);
    const { model } = checkpoint;
    let ranges: Float32Array = new Float32Array();
    const kvRanges = {
      tokenIds: async () => tokens,
      read: async () => undefined,
      write: async (measured: Float32Array) => {
        ranges = measured;
      },
    };
    const memory = new PlainMemory();
    const options = { model, memory, maxSequences: 1, kvRanges, kvCacheDtype: "int8" } as const;
    await using executor = await createOnnxExecutor(options);
    const wanted = checkpoint.referenceLogits(tokens, (layer) => kvStepsOf(ranges, config, layer)).at(-1)!;
    // A number between two steps may be rounded to the other one.
    for (const lengths of cuts) {
      expect(difference(await logitsOf(executor, lengths), wanted)).toBeLessThan(1e-3);
    }
    const exact = Float32Array.from(checkpoint.referenceLogits(tokens).at(-1)!);
    expect(difference(exact, wanted)).toBeGreaterThan(2e-3);
  });
});
