import path from "node:path";
import { type MixtureOfExperts, type ModelConfig, quantizeCheckpoint } from "@infernode/models";
import { expect, test } from "vitest";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import type { Executor } from "../../../src/executors/executor.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { dequantize, difference } from "../support/dequantize.ts";
import { narrowMatrices } from "../support/narrow-matrices.ts";
import { createRandomCheckpoint, type RandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { referenceLogits } from "../support/reference-logits.ts";
import { type PagedTokens, runPages } from "../support/run-pages.ts";
import { describeOnDevice } from "./describe-device.ts";

const workerUrl: URL = new URL(
  "../../../../models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);
const tokens = Array.from({ length: 65 }, (_, at) => (at * 37 + 5) % 89);
/** Chunks of a prompt: rows of the last one are 1, 8, 17 and 64. */
const chunkings = [
  [64, 1],
  [57, 8],
  [48, 17],
  [1, 64],
];
const config: ModelConfig = { ...tinyConfig, contextTokens: 80 };
/** Columns of the last product of an MLP are split from 1,024 on. */
const wideConfig: ModelConfig = {
  ...config,
  intermediateSize: 1024,
  layerCount: 1,
  layerRotary: [0],
  slidingWindowTokens: [undefined],
};

/** The same weights as a GPU reads them, and in float32. */
interface Pair {
  readonly stored: ExecutorModel;
  readonly wide: ExecutorModel;
}

/** How a checkpoint is stored, and how near logits are to those of float64, as a share of the largest. */
interface Stored {
  readonly title: string;
  readonly config: ModelConfig;
  readonly open: (checkpoint: RandomCheckpoint) => Promise<Pair>;
  readonly most: number;
  /** How near logits of passes of other sizes are to each other; weights in blocks are rounded where rows are many. */
  readonly apart: number;
}

async function quantize({ model, directory }: RandomCheckpoint, bits: 4 | 8): Promise<Pair> {
  const title = `random-${bits}`;
  const quantization = bits === 4 ? ({ bits, blockSize: 32 } as const) : ({ bits, blockSize: 16 } as const);
  const quantized = await quantizeCheckpoint({ ...model, directory: title }, { quantization, directory });
  await quantized.prepare({ threadCount: 1, workerUrl });
  const stored = { ...model, ...quantized };
  return { stored, wide: await dequantize(stored, path.join(directory, `${title}.f32`)) };
}

describeOnDevice("products of inputs in 16 bits on a CUDA device", (openPool) => {
  const withExecutor = async <T>(
    model: ExecutorModel,
    use: (executor: Executor) => Promise<T>,
  ): Promise<T> => {
    using memory = openPool();
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      maxSequences: 16,
      kvCacheDtype: "float32",
      productPrecision: "16-bit",
    });
    return await use(executor);
  };

  /** Logits of the last token, for each way to cut the prompt into chunks. */
  const logitsOf = (model: ExecutorModel): Promise<Float32Array[]> =>
    withExecutor(model, async (executor) => {
      const rows: Float32Array[] = [];
      for (const [sequence, lengths] of chunkings.entries()) {
        let startPosition = 0;
        for (const length of lengths) {
          const tokenIds = tokens.slice(startPosition, startPosition + length);
          const [row] = await runPages(executor, [{ sequence, startPosition, tokenIds }]);
          startPosition += length;
          if (row !== undefined && startPosition === tokens.length) rows.push(row);
        }
      }
      return rows;
    });

  const stores: readonly Stored[] = [
    {
      title: "bfloat16",
      config: wideConfig,
      open: ({ model }) => narrowed(model, "BF16"),
      most: 2e-2,
      apart: 1e-3,
    },
    { title: "float16", config, open: ({ model }) => narrowed(model, "F16"), most: 3e-3, apart: 1e-3 },
    {
      title: "blocks of 4 bits",
      config,
      open: (checkpoint) => quantize(checkpoint, 4),
      most: 2e-2,
      apart: 1e-2,
    },
    {
      title: "blocks of 8 bits",
      config,
      open: (checkpoint) => quantize(checkpoint, 8),
      most: 2e-2,
      apart: 1e-2,
    },
  ];
  test.each(stores)(
    "$title: rows of passes of 1 to 64 agree within $apart, and with float64 within $most",
    async ({ config: sizes, open, most, apart }) => {
      await using checkpoint = await createRandomCheckpoint(sizes, 7);
      const { stored, wide } = await open(checkpoint);
      const exact = Float32Array.from(referenceLogits(wide, tokens).at(-1)!);
      const rows = await logitsOf(stored);
      expect(rows).toHaveLength(chunkings.length);
      for (const row of rows) {
        expect(difference(row, exact)).toBeLessThan(most);
        expect(difference(row, exact)).toBeGreaterThan(1e-5);
        expect(difference(row, rows[0]!)).toBeLessThan(apart);
      }
    },
  );

  test("tokens of experts have the same logits alone and beside others, to the last bit", async () => {
    const experts: MixtureOfExperts = {
      expertCount: 4,
      expertsPerToken: 2,
      intermediateSize: 72,
      areWeightsNormalized: true,
      sharedIntermediateSize: undefined,
      layers: [true, false],
      hasInterleavedGateUp: false,
      swigluLimit: undefined,
    };
    await using checkpoint = await createRandomCheckpoint({ ...config, experts }, 8);
    const { stored } = await narrowed(checkpoint.model, "BF16");
    await withExecutor(stored, async (executor) => {
      const chunkOf = (sequence: number): PagedTokens => ({
        sequence,
        startPosition: 0,
        tokenIds: [sequence * 5 + 1],
      });
      const together = await runPages(
        executor,
        Array.from({ length: 16 }, (_, at) => chunkOf(at)),
      );
      const some = await runPages(executor, [3, 7, 11].map(chunkOf));
      expect(some).toEqual([together[3], together[7], together[11]]);
      expect(await runPages(executor, [chunkOf(7)])).toEqual([together[7]]);
    });
  });
});

async function narrowed(model: ExecutorModel, dtype: "BF16" | "F16"): Promise<Pair> {
  const models = await narrowMatrices(model);
  return { stored: models[dtype], wide: models.F32 };
}
