import type { ModelConfig } from "@infernode/models";
import { expect, test } from "vitest";
import type { InferenceError } from "../../../src/errors.ts";
import { createCudaExecutor, createCudaProvider, planCudaMemory } from "../../../src/executors/cuda/index.ts";
import type { Executor } from "../../../src/executors/executor.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { difference } from "../support/dequantize.ts";
import { narrowMatrices } from "../support/narrow-matrices.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { referenceLogits } from "../support/reference-logits.ts";
import { type PagedTokens, runPages } from "../support/run-pages.ts";
import { describeOnProcessor } from "./describe-device.ts";

const mib = 2 ** 20;
/** Products with biases, and one whose columns the library splits. */
const config: ModelConfig = {
  ...tinyConfig,
  intermediateSize: 1024,
  layerCount: 1,
  layerRotary: [0],
  slidingWindowTokens: [undefined],
  contextTokens: 96,
};
const tokens = Array.from({ length: 80 }, (_, at) => (at * 37 + 5) % 89);
const sizes = { maxSequences: 2, kvCacheDtype: "float32" } as const;
const library = { productLibrary: "cublasLt" } as const;
const notSupported = 15;
const executionFailed = 13;

const likeliest = (row: Float32Array): number => row.indexOf(Math.max(...row));

describeOnProcessor("products of many rows by a library on a CUDA device", (openPool, { standIn }) => {
  const path = { productLibraryPath: standIn.path };

  /** Opens weights of bfloat16, the same in float32. */
  const withModel = async (
    use: (models: { readonly stored: ExecutorModel; readonly wide: ExecutorModel }) => Promise<void>,
  ): Promise<void> => {
    await using checkpoint = await createRandomCheckpoint(config, 7);
    const { BF16: stored, F32: wide } = await narrowMatrices(checkpoint.model);
    await use({ stored, wide });
  };
  const withExecutor = async <T>(
    options: Partial<Parameters<typeof createCudaExecutor>[0]> & { readonly model: ExecutorModel },
    use: (executor: Executor) => Promise<T>,
  ): Promise<T> => {
    using memory = openPool();
    await using executor = await createCudaExecutor({ pool: memory.pool, ...sizes, ...options });
    return await use(executor);
  };

  test("gives the tokens and, within rounding, the logits of the executor's own kernels", () =>
    withModel(async ({ stored, wide }) => {
      const chunk = { sequence: 0, startPosition: 0, tokenIds: tokens, logitCount: 20 };
      const own = await withExecutor({ model: stored }, (executor) => runPages(executor, [chunk]));
      const rows = await withExecutor({ model: stored, ...library, ...path }, async (executor) => {
        expect(executor.description).toMatch(/products of 16 bits, those of many rows by cuBLASLt 13\.1\.0$/);
        return await runPages(executor, [chunk]);
      });
      const exact = referenceLogits(wide, tokens).slice(-20);
      expect(rows).toHaveLength(20);
      for (const [at, row] of rows.entries()) {
        expect(difference(row, own[at]!)).toBeLessThan(1e-3);
        expect(difference(row, Float32Array.from(exact[at]!))).toBeLessThan(2e-2);
        expect(likeliest(row)).toBe(likeliest(own[at]!));
      }
    }));

  test("has the same logits for the same rows, whichever were computed before", () =>
    withModel(async ({ stored }) => {
      const chunkOf = (length: number): PagedTokens => ({
        sequence: 0,
        startPosition: 0,
        tokenIds: tokens.slice(0, length),
      });
      const rowsOf = (lengths: readonly number[]): Promise<Float32Array | undefined> =>
        withExecutor({ model: stored, ...library, ...path }, async (executor) => {
          let last: Float32Array | undefined;
          for (const length of lengths) [last] = await runPages(executor, [chunkOf(length)]);
          return last;
        });
      expect(await rowsOf([66, 80, 72])).toEqual(await rowsOf([72]));
    }));

  test("computes prompts by the library, and single tokens of many sequences by its own kernels, as graphs", () =>
    withModel(async ({ stored }) => {
      const shape = { maxSequences: 66, contextTokens: 16 };
      await withExecutor({ model: stored, ...library, ...path, ...shape }, async (executor) => {
        const singles = Array.from({ length: 66 }, (_, sequence) => ({
          sequence,
          startPosition: 0,
          tokenIds: [sequence],
        }));
        standIn.fail("cublasLtMatmul", executionFailed, { forever: true });
        expect(await runPages(executor, singles)).toHaveLength(66);
        expect(standIn.live().graphs).toBe(1);
      });
      standIn.stopFailing();
      await withExecutor({ model: stored, ...library, ...path }, async (executor) => {
        const prompt = { sequence: 0, startPosition: 0, tokenIds: tokens };
        standIn.fail("cublasLtMatmul", executionFailed);
        // An error that is kept would keep pinned memory.
        const failure = await runPages(executor, [prompt]).then(
          () => undefined,
          ({ code, message }: InferenceError) => ({ code, message }),
        );
        expect(failure).toEqual({
          code: "EXECUTOR_FAILED",
          message: expect.stringContaining("cublasLtMatmul returned CUBLAS_STATUS_EXECUTION_FAILED (13)"),
        });
        expect(await runPages(executor, [prompt])).toHaveLength(1);
      });
    }));

  test("has the workspace in its plan: 32 MiB from compute capability 9.0 on, 4 MiB before", () =>
    withModel(async ({ stored }) => {
      const { productLibrary, workspaceBytes: without } = planCudaMemory(stored, sizes);
      expect(productLibrary).toBe("none");
      const planOn = (major: number | undefined) =>
        planCudaMemory(stored, {
          ...sizes,
          ...library,
          ...(major === undefined ? {} : { computeCapability: { major } }),
        });
      expect(planOn(9)).toMatchObject({ ...library, workspaceBytes: without + 32 * mib });
      expect(planOn(undefined)).toEqual(planOn(9));
      expect(planOn(8).workspaceBytes).toBe(without + 4 * mib);
      using memory = openPool();
      const options = { model: stored, ...sizes, ...library, ...path, pool: memory.pool };
      await using executor = await createCudaExecutor(options);
      expect(executor.plan).toEqual(planOn(9));
      const held = memory.pool.usageByTag().find(({ tag }) => tag.label === "cuBLASLt");
      expect(held).toMatchObject({ sizeBytes: 32 * mib, tag: { purpose: "workspace" } });
    }));

  test("is refused, with the field, where the library is missing or would compute nothing", () =>
    withModel(async ({ stored, wide }) => {
      using memory = openPool();
      const provider = createCudaProvider(memory);
      const missing = { ...library, productLibraryPath: "/nowhere/libcublasLt.so.13" };
      const refusal = {
        code: "INVALID_EXECUTOR_OPTIONS",
        message: expect.stringMatching(
          /^`productLibrary`: expected "none", or a cuBLASLt .* can be loaded \(\/nowhere\/.*\), got "cublasLt"$/,
        ),
      };
      await expect(provider.assertLoadable(stored, missing)).rejects.toMatchObject(refusal);
      const memoryOfHost = new PlainMemory();
      const options = { memory: memoryOfHost, model: stored, ...sizes };
      await expect(provider.create({ ...options, ...missing })).rejects.toMatchObject(refusal);
      await provider.assertLoadable(stored, { ...library, ...path });
      const productLibraryPath = "/x.so";
      const unused = {
        code: "INVALID_EXECUTOR_OPTIONS",
        message: `\`productLibraryPath\`: expected none without \`productLibrary\` "cublasLt", got "/x.so"`,
      };
      for (const others of [{}, { productLibrary: "none" } as const]) {
        await expect(
          provider.assertLoadable(stored, { ...others, productLibraryPath }),
        ).rejects.toMatchObject(unused);
        await expect(provider.create({ ...options, ...others, productLibraryPath })).rejects.toMatchObject(
          unused,
        );
      }
      expect(() => provider.plan(wide, { ...sizes, ...library })).toThrow(
        '`productLibrary`: expected "none" where no product of 16 bits has a weight of bf16 or f16',
      );
      expect(() => provider.plan(stored, { ...sizes, ...library, productPrecision: "float32" })).toThrow(
        "`productLibrary`",
      );
      const unknown = { ...sizes, productLibrary: "magma" as "none" };
      expect(() => provider.plan(stored, unknown)).toThrow(
        '`productLibrary`: expected "none" or "cublasLt", got',
      );
      expect(memory.pool.stats().liveBlockCount).toBe(0);
    }));

  test.each(["cublasLtCreate", "cublasLtMatmulAlgoGetHeuristic"])(
    "is unavailable where %s fails when it is created, and keeps nothing",
    (call) =>
      withModel(async ({ stored }) => {
        using memory = openPool();
        standIn.fail(call, notSupported);
        const options = { model: stored, pool: memory.pool, ...sizes, ...library, ...path };
        await expect(createCudaExecutor(options)).rejects.toMatchObject({
          code: "EXECUTOR_UNAVAILABLE",
          message: expect.stringContaining(
            `cuBLASLt cannot be used: ${call} returned CUBLAS_STATUS_NOT_SUPPORTED (15)`,
          ),
        });
        expect(memory.pool.stats().liveBlockCount).toBe(0);
        expect(standIn.live().products).toBe(0);
      }),
  );
});
