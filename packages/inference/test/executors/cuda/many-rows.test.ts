import { expect, test } from "vitest";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { difference } from "../support/dequantize.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { runPages } from "../support/run-pages.ts";
import { describeOnDevice } from "./describe-device.ts";

const randomTokens = (count: number): number[] =>
  Array.from({ length: count }, (_, at) => (at * 37 + 5) % 89);
describeOnDevice("passes of many tokens on a CUDA device", (openPool) => {
  /** Logits of the last token, computed in chunks of some lengths. */
  const logitsOf = async (
    model: ExecutorModel,
    tokens: readonly number[],
    lengths: readonly number[],
  ): Promise<Float32Array> => {
    using memory = openPool();
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      maxSequences: 1,
      kvCacheDtype: "float32",
      productPrecision: "float32",
    });
    let row: Float32Array = new Float32Array();
    let startPosition = 0;
    for (const length of lengths) {
      const tokenIds = tokens.slice(startPosition, startPosition + length);
      const [last] = await runPages(executor, [{ sequence: 0, startPosition, tokenIds }]);
      if (last !== undefined) row = last;
      startPosition += length;
    }
    return row;
  };

  test("single tokens share a long context among blocks", async () => {
    await using checkpoint = await createRandomCheckpoint({ ...tinyConfig, contextTokens: 320 }, 8);
    const tokens = randomTokens(300);
    const wanted = Float32Array.from(checkpoint.referenceLogits(tokens).at(-1)!);
    expect(difference(await logitsOf(checkpoint.model, tokens, [298, 1, 1]), wanted)).toBeLessThan(2e-5);
  });
});
