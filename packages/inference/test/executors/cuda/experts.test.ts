import path from "node:path";
import { type ModelConfig, quantizeCheckpoint } from "@infernode/models";
import { expect, test } from "vitest";
import { createCudaExecutor, planCudaMemory } from "../../../src/executors/cuda/index.ts";
import type { Executor } from "../../../src/executors/executor.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { dequantize, difference } from "../support/dequantize.ts";
import { createRandomCheckpoint, type RandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { runPages } from "../support/run-pages.ts";
import { describeOnDevice } from "./describe-device.ts";

const workerUrl: URL = new URL(
  "../../../../models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);
/** With 2 of 5 experts for each token, tiles of these chunks have 1, 2, 4, 8, 32 and 128 rows. */
const chunkLengths = [1, 3, 8, 16, 64, 161];
const tokens = Array.from({ length: 260 }, (_, at) => (at * 37 + 5) % 89);
const config: ModelConfig = {
  ...tinyConfig,
  contextTokens: 264,
  layerCount: 1,
  layerRotary: [0],
  slidingWindowTokens: [undefined],
  experts: {
    expertCount: 5,
    expertsPerToken: 2,
    intermediateSize: tinyConfig.intermediateSize,
    areWeightsNormalized: true,
    sharedIntermediateSize: undefined,
    layers: [true],
    hasInterleavedGateUp: false,
    swigluLimit: undefined,
  },
};

test("are refused in chunks of more rows than a grid has blocks", async () => {
  await using checkpoint = await createRandomCheckpoint({ ...config, contextTokens: 40_000 }, 7);
  const plan = (maxChunkTokens: number): number =>
    planCudaMemory(checkpoint.model, { maxSequences: 8, maxChunkTokens }).totalBytes;
  // Two rows for each token, and for each of the sequences beside the chunk.
  expect(plan(32_759)).toBeGreaterThan(0);
  expect(() => plan(32_760)).toThrow(
    /maxChunkTokens.*expected fewer tokens: a grid of this model has 65535 blocks at most, and would have 65536, got 32760/,
  );
});

describeOnDevice("experts on a CUDA device", (openPool) => {
  const withExecutor = async <T>(
    model: ExecutorModel,
    use: (executor: Executor) => Promise<T>,
  ): Promise<T> => {
    using memory = openPool();
    const sizes = {
      maxSequences: 8,
      maxChunkTokens: 161,
      kvCacheDtype: "float32",
      productPrecision: "float32",
    } as const;
    await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
    return await use(executor);
  };

  /** Logits of the last token of each chunk. */
  const logitsOf = (model: ExecutorModel): Promise<Float32Array[]> =>
    withExecutor(model, async (executor) => {
      const rows: Float32Array[] = [];
      let startPosition = 0;
      for (const length of chunkLengths) {
        const tokenIds = tokens.slice(startPosition, startPosition + length);
        rows.push(...(await runPages(executor, [{ sequence: 0, startPosition, tokenIds }])));
        startPosition += length;
      }
      return rows;
    });

  /** A checkpoint in blocks, and the numbers that they stand for. */
  const quantize = async ({ model, directory }: RandomCheckpoint): Promise<readonly ExecutorModel[]> => {
    const quantization = { bits: 4, blockSize: 32 } as const;
    const quantized = await quantizeCheckpoint(
      { ...model, directory: "random" },
      { quantization, directory },
    );
    await quantized.prepare({ threadCount: 1, workerUrl });
    const stored = { ...model, ...quantized };
    return [stored, await dequantize(stored, path.join(directory, "random.f32"))];
  };

  test("compute rows in tiles of any size as in float64, and so they do with weights in blocks", async () => {
    await using checkpoint = await createRandomCheckpoint(config, 7);
    const expected = checkpoint.referenceLogits(tokens);
    const rows = await logitsOf(checkpoint.model);
    let end = 0;
    for (const [at, length] of chunkLengths.entries()) {
      end += length;
      expect(difference(rows[at]!, Float32Array.from(expected[end - 1]!))).toBeLessThan(2e-5);
    }
    const [stored, dense] = await quantize(checkpoint);
    const wanted = await logitsOf(dense!);
    for (const [at, row] of (await logitsOf(stored!)).entries()) {
      expect(difference(row, wanted[at]!)).toBeLessThan(2e-5);
    }
  });

  test("leave rows of a decode graph alone that are not there", async () => {
    await using checkpoint = await createRandomCheckpoint(config, 8);
    const sequences = [0, 1, 2, 3, 4];
    const texts = sequences.map((sequence) => tokens.slice(7 * sequence, 8 * sequence + 3));
    await withExecutor(checkpoint.model, async (executor) => {
      for (const [sequence, tokenIds] of texts.entries()) {
        await runPages(executor, [{ sequence, startPosition: 0, tokenIds }]);
      }
      // A graph has room for 8 tokens.
      for (const order of [sequences, sequences.toReversed()]) {
        for (const sequence of order) texts[sequence]!.push(11 * sequence + texts[0]!.length);
        const rows = await runPages(
          executor,
          order.map((sequence) => ({
            sequence,
            startPosition: texts[sequence]!.length - 1,
            tokenIds: texts[sequence]!.slice(-1),
          })),
        );
        for (const [at, sequence] of order.entries()) {
          const expected = checkpoint.referenceLogits(texts[sequence]!).at(-1)!;
          expect(difference(rows[at]!, Float32Array.from(expected))).toBeLessThan(2e-5);
        }
      }
    });
  });
});
