import { expect, test } from "vitest";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { summarizeNetwork } from "../../../src/executors/network/network-summary.ts";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import { goldenNames, openGolden, readGolden } from "../support/golden.ts";
import { difference } from "../support/dequantize.ts";
import { runPages } from "../support/run-pages.ts";
import { describeOnDevice } from "./describe-device.ts";

const tolerance = 1e-4;
const decodeCount = 3;
const mostRows = 20;

const argmax = (row: Float32Array | undefined): number => row?.indexOf(Math.max(...row)) ?? -1;

function dependsOnDistance(model: ExecutorModel): boolean {
  const { attentions } = summarizeNetwork(model);
  return attentions.some(
    ({ slidingWindowTokens, queryScaling, rotary }) =>
      slidingWindowTokens !== undefined || queryScaling !== undefined || rotary?.isByLength === true,
  );
}

describeOnDevice("families on a CUDA device", (openPool) => {
  test.each(goldenNames())("%s, like transformers", async (name) => {
    using memory = openPool();
    const model = await openGolden(name);
    // The longest prompt is for what depends on distances: windows, and rotations that change with them.
    const all = readGolden(name);
    const prompts = dependsOnDistance(model) ? all : all.filter(({ tokenIds }) => tokenIds.length < 100);
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      maxSequences: prompts.length,
      contextTokens: Math.min(model.config.contextTokens, 256),
      maxChunkTokens: 40,
      kvCacheDtype: "float32",
      productPrecision: "float32",
    });
    // All prompts at once, but for the ends of two: those are in the next forward, beside single tokens.
    const ends = prompts.map(({ tokenIds }) => Math.min(tokenIds.length, 60));
    const first = await runPages(
      executor,
      prompts.map(({ tokenIds, logits }, sequence) => ({
        sequence,
        startPosition: 0,
        tokenIds: tokenIds.slice(0, ends[sequence]),
        logitCount: ends[sequence] === tokenIds.length ? Math.min(logits.length, mostRows) : 0,
        knownLength: tokenIds.length,
      })),
    );
    const generated = prompts.map((): number[] => []);
    for (const [sequence, { tokenIds, logits }] of prompts.entries()) {
      if (ends[sequence] !== tokenIds.length) continue;
      const rows = first.splice(0, Math.min(logits.length, mostRows));
      const expected = logits.slice(-rows.length);
      for (const [at, row] of rows.entries()) expect(difference(row, expected[at]!)).toBeLessThan(tolerance);
      generated[sequence]!.push(argmax(rows.at(-1)));
    }
    for (let step = 0; step < decodeCount; step += 1) {
      const rows = await runPages(
        executor,
        prompts.map(({ tokenIds }, sequence) => {
          const all = [...tokenIds, ...generated[sequence]!];
          const startPosition = step === 0 ? Math.min(ends[sequence]!, all.length - 1) : all.length - 1;
          return {
            sequence,
            startPosition,
            tokenIds: all.slice(startPosition),
            knownLength: tokenIds.length,
          };
        }),
      );
      for (const [sequence, { logits }] of prompts.entries()) {
        const isPromptEnd = generated[sequence]!.length === 0;
        if (isPromptEnd) expect(difference(rows[sequence]!, logits.at(-1)!)).toBeLessThan(tolerance);
        generated[sequence]!.push(argmax(rows[sequence]));
      }
    }
    for (const [sequence, { greedyTokenIds }] of prompts.entries()) {
      expect(generated[sequence]).toEqual(greedyTokenIds.slice(0, generated[sequence]!.length));
    }
  });
});
