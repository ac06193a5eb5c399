import { open } from "node:fs/promises";
import { openAdapter } from "@infernode/models";
import { expect, test } from "vitest";
import type { InferenceError } from "../../../src/errors.ts";
import { createCudaExecutor, createCudaProvider, planCudaMemory } from "../../../src/executors/cuda/index.ts";
import { assertDevice, deviceProblem } from "../../../src/executors/cuda/step/assert-device.ts";
import type { Executor } from "../../../src/executors/executor.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { difference } from "../support/dequantize.ts";
import { openGolden, readGolden } from "../support/golden.ts";
import { adapterDirectory, adapterNames, readAdapterGolden } from "../support/golden-adapters.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { runPages } from "../support/run-pages.ts";
import { describeOnProcessor } from "./describe-device.ts";

const illegalAddress = 700;
/** As where a GPU fell off the bus. */
const unknown = 999;
const outOfMemory = 2;
const invalidPtx = 218;
const sizes = { maxSequences: 2, contextTokens: 64 };
const token = { sequence: 0, startPosition: 0, tokenIds: [1] };

/** The code of a failure. An error that is kept would keep its frames, and with them pinned memory. */
const codeOf = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => "none",
    (error: InferenceError) => error.code,
  );

describeOnProcessor("the executor on a CUDA device", (openPool, { standIn }) => {
  test("allocates what it plans", async () => {
    const model = await openGolden("qwen3-moe");
    const plan = planCudaMemory(model, sizes);
    using memory = openPool();
    await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
    expect(executor.plan).toEqual(plan);
    const held = { weights: 0, "kv-cache": 0, activations: 0, workspace: 0 };
    for (const { tag, sizeBytes } of memory.pool.usageByTag()) {
      held[tag.purpose as keyof typeof held] += sizeBytes;
    }
    const rounding = 256 * memory.pool.stats().liveBlockCount;
    expect(held.weights).toBe(plan.weightsBytes);
    expect(held["kv-cache"]).toBe(plan.kvCacheBytes);
    expect(held.activations).toBe(plan.activationsBytes);
    // Graphs are an estimate of what the driver takes.
    expect(plan.workspaceBytes).toBeGreaterThan(held.workspace - rounding);
    expect(plan.kvCacheBytes).toBe(plan.kvBytesPerToken * sizes.maxSequences * sizes.contextTokens);
  });

  test("is refused with the numbers where it does not fit, before weights are read", async () => {
    standIn.setDevices({ count: 1, bytes: 2 ** 20, isVirtual: false });
    const { weights, ...model } = await openGolden("llama2");
    using memory = openPool();
    const missing = (name: string) => {
      const weight = weights.weight(name);
      if (weight?.encoding !== "dense") return weight;
      return { ...weight, data: { ...weight.data, filePath: "no such file" } };
    };
    const options = { model: { ...model, weights: { ...weights, weight: missing } }, pool: memory.pool };
    const failure = await createCudaExecutor({ ...options, maxSequences: 64, hasFiniteWeights: true }).catch(
      (error: Error) => error.message,
    );
    expect(failure).toMatch(/expected .* free on cuda:0, got .* of a limit of 1\.00 MiB/);
  });

  test.each([0, 3, 20, 37])("keeps nothing when allocation %i fails", async (after) => {
    const model = await openGolden("llama2");
    using memory = openPool();
    standIn.fail("cuMemAlloc_v2", outOfMemory, { after, forever: true });
    const code = await codeOf(createCudaExecutor({ model, pool: memory.pool, ...sizes }));
    expect(code).toBe("OUT_OF_MEMORY");
    standIn.stopFailing();
    expect(memory.pool.stats().liveBlockCount).toBe(0);
  });

  test("is unavailable where the driver does not load its kernels, or the GPU is too old", async () => {
    const model = await openGolden("llama2");
    using memory = openPool();
    standIn.fail("cuModuleLoadDataEx", invalidPtx, { after: 2 });
    expect(await codeOf(createCudaExecutor({ model, pool: memory.pool, ...sizes }))).toBe(
      "EXECUTOR_UNAVAILABLE",
    );
    const { device } = memory.pool;
    const old = { name: "T4", computeCapability: { major: 7, minor: 5 }, driver: device.driver };
    expect(() => assertDevice(old)).toThrow(
      "expected a GPU of compute capability 8.0 or later, got T4 of 7.5",
    );
    expect(deviceProblem(device, { cudaVersion: "11.8" })).toBe(
      "expected an NVIDIA driver of R525 or later, for CUDA 12.0, got one, for CUDA up to 11.8",
    );
    expect(deviceProblem(device, { cudaVersion: "12.0" })).toBeUndefined();
  });

  test("calls the driver in the one way that there is", async () => {
    const model = await openGolden("llama2");
    using memory = openPool();
    const options = { model, pool: memory.pool, ...sizes, runtime: "ffi" };
    expect(await codeOf(createCudaExecutor(options))).toBe("INVALID_EXECUTOR_OPTIONS");
  });

  test("refuses 16 bits for weights that tensor cores do not multiply", async () => {
    const model = await openGolden("llama2");
    using memory = openPool();
    const create = createCudaExecutor({ model, pool: memory.pool, ...sizes, productPrecision: "16-bit" });
    await expect(create).rejects.toMatchObject({
      code: "INVALID_EXECUTOR_OPTIONS",
      message: expect.stringContaining("`productPrecision`"),
    });
    expect(planCudaMemory(model, sizes).productPrecision).toBe("float32");
  });

  test.each([illegalAddress, unknown])(
    "is not usable after the error %i, which loses the context",
    async (status) => {
      const model = await openGolden("llama2");
      using memory = openPool();
      const lost: string[] = [];
      const onDeviceLost = ({ code }: InferenceError): void => void lost.push(code);
      const executor = await createCudaExecutor({ model, pool: memory.pool, onDeviceLost, ...sizes });
      await runPages(executor, [token]);
      standIn.fail("cuEventSynchronize", status);
      expect(await codeOf(runPages(executor, [token]))).toBe("DEVICE_LOST");
      expect(await codeOf(runPages(executor, [token]))).toBe("DEVICE_LOST");
      expect(lost).toEqual(["DEVICE_LOST"]);
      await executor.dispose();
    },
  );

  test("is not usable after an error in the copy of an adapter, which loses the context", async () => {
    const [name = ""] = adapterNames();
    const model = await openGolden(readAdapterGolden(name).checkpoint);
    using memory = openPool();
    const lost: string[] = [];
    const onDeviceLost = ({ code }: InferenceError): void => void lost.push(code);
    const adapted = { maxAdapters: 1, maxAdapterRank: 8 };
    const executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      onDeviceLost,
      ...sizes,
      ...adapted,
    });
    const adapter = await openAdapter(adapterDirectory(name), { config: model.config, maxRank: 8 });
    standIn.fail("cuMemcpyHtoDAsync_v2", illegalAddress);
    expect(await codeOf(executor.adapterStorage!.load(1, adapter))).toBe("DEVICE_LOST");
    expect(await codeOf(executor.adapterStorage!.load(1, adapter))).toBe("DEVICE_LOST");
    expect(await codeOf(runPages(executor, [token]))).toBe("DEVICE_LOST");
    expect(lost).toEqual(["DEVICE_LOST"]);
    await adapter.close();
    await executor.dispose();
  });

  test("decodes with graphs, of the same results as launches", async () => {
    const model = await openGolden("llama2");
    const [, prompt] = readGolden("llama2");
    const { tokenIds, logits } = prompt!;
    using memory = openPool();
    const executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes, maxSequences: 3 });
    const start = tokenIds.slice(0, -1);
    const beforeOf = (sequence: number) => ({ sequence, startPosition: 0, tokenIds: start, logitCount: 0 });
    const lastOf = (sequence: number) => ({
      sequence,
      startPosition: start.length,
      tokenIds: tokenIds.slice(-1),
    });
    await runPages(executor, [0, 1, 2].map(beforeOf));
    expect(standIn.live().graphs).toBe(0);
    // Graphs of 1, 2 and 3 sequences; that of 2 again.
    for (const sequences of [[0], [1, 2], [2, 0, 1], [0, 1]]) {
      const rows = await runPages(executor, sequences.map(lastOf));
      for (const row of rows) expect(difference(row, logits.at(-1)!)).toBeLessThan(1e-4);
    }
    expect(standIn.live().graphs).toBe(3);
    await executor.dispose();
    expect(standIn.live().graphs).toBe(0);
  });

  test("a provider refuses in advance what creating would", async () => {
    using memory = openPool();
    const provider = createCudaProvider(memory);
    const model = await openGolden("llama2");
    const { weights } = model;
    const without = { ...model, weights: { ...weights, weight: () => undefined } };
    expect(await codeOf(provider.assertSupported(without))).toBe("SHAPE_MISMATCH");
    expect(() => provider.plan(model, { maxSequences: 0 })).toThrow(
      /`maxSequences`: expected an integer from 1/,
    );
    const host = new PlainMemory();
    const executor: Executor = await provider.create({ model, memory: host, ...sizes });
    expect(executor.name).toBe("cuda");
    expect(executor.description).toMatch(/^CUDA .+ on .+/);
    expect(host.liveBytes).toBe(0);
    await executor.dispose();
  });

  test("refuses threads, which it does not have", async () => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    using memory = openPool();
    const options = { model: checkpoint.model, memory: new PlainMemory(), maxSequences: 1, threads: 3 };
    await expect(createCudaProvider(memory).create(options)).rejects.toMatchObject({
      code: "INVALID_EXECUTOR_OPTIONS",
      message: expect.stringMatching(/`threads`: expected none with this executor, .*, got 3/),
    });
  });

  test("refuses weights that are not finite", async () => {
    await using checkpoint = await createRandomCheckpoint(tinyConfig, 1);
    const { model } = checkpoint;
    using memory = openPool();
    const provider = createCudaProvider(memory);
    await provider.assertLoadable(model, {});
    const file = await open(checkpoint.filePath, "r+");
    await file.write(Uint8Array.of(0, 0, 192, 127), 0, 4, model.weights.weight("head")!.data.startByte);
    await file.close();
    expect(await codeOf(provider.assertLoadable(model, {}))).toBe("NON_FINITE_WEIGHTS");
    expect(await codeOf(createCudaExecutor({ model, pool: memory.pool, maxSequences: 1 }))).toBe(
      "NON_FINITE_WEIGHTS",
    );
    expect(memory.pool.stats().liveBlockCount).toBe(0);
  });
});
