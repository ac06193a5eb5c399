import { openAdapter } from "@infernode/models";
import { expect, test } from "vitest";
import type { InferenceError } from "../../../src/errors.ts";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import { openGolden } from "../support/golden.ts";
import { adapterDirectory, adapterNames, readAdapterGolden } from "../support/golden-adapters.ts";
import { runPages } from "../support/run-pages.ts";
import { describeOnDevice } from "./describe-device.ts";

const tolerance = 2e-4;
const maxAdapterRank = 8;

function difference(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a === undefined || b === undefined) return Number.NaN;
  return a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0);
}

describeOnDevice("adapters on a CUDA device", (openPool) => {
  test.each(adapterNames())("%s: the logits of peft, beside the base's", async (name) => {
    const { checkpoint, prompts } = readAdapterGolden(name);
    const model = await openGolden(checkpoint);
    using memory = openPool();
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      maxSequences: 3,
      contextTokens: 128,
      kvCacheDtype: "float32",
      productPrecision: "float32",
      maxAdapters: 2,
      maxAdapterRank,
    });
    const adapter = await openAdapter(adapterDirectory(name), {
      config: model.config,
      maxRank: maxAdapterRank,
    });
    await executor.adapterStorage?.load(2, adapter);
    await adapter.close();
    for (const { tokens, logits } of prompts) {
      const half = Math.floor(tokens.length / 2);
      const parts = (sequence: number, place: number) =>
        [0, half]
          .map((start) => ({
            sequence,
            adapter: place,
            startPosition: start,
            tokenIds: tokens.slice(start, start === half ? tokens.length : half),
          }))
          .filter(({ tokenIds }) => tokenIds.length > 0);
      const whole = { startPosition: 0, tokenIds: tokens };
      const [adapted, base] = await runPages(executor, [
        { ...whole, sequence: 0, adapter: 2 },
        { ...whole, sequence: 1 },
      ]);
      expect(difference(adapted, logits)).toBeLessThan(tolerance);
      expect(difference(base, logits)).toBeGreaterThan(tolerance);
      let last: Float32Array | undefined;
      for (const part of parts(2, 2)) [last] = await runPages(executor, [part]);
      expect(difference(last, logits)).toBeLessThan(tolerance);
    }
    executor.adapterStorage?.unload(2);
    const unloaded = { sequence: 0, adapter: 2, startPosition: 0, tokenIds: [1] };
    // An error that is kept would keep its frames, and with them pinned memory.
    const code = await runPages(executor, [unloaded]).catch((error: InferenceError) => error.code);
    expect(code).toBe("INVALID_BATCH");
  });
});
