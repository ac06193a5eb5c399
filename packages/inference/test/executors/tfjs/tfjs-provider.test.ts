import { describe, expect, test } from "vitest";
import { createTfjsExecutor, planTfjsMemory, tfjsProvider } from "../../../src/executors/tfjs/index.ts";
import { openGolden } from "../support/golden.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

const sizes = { maxSequences: 2, contextTokens: 64, maxChunkTokens: 32 };

test.each(["wasm", "cpu"])("creates what it planned, on %s", async (runtime) => {
  const model = await openGolden("llama2");
  await tfjsProvider.assertSupported(model);
  await tfjsProvider.assertLoadable(model, { runtime });
  const plan = tfjsProvider.plan(model, sizes);
  expect(plan).toEqual(planTfjsMemory(model, sizes));
  const memory = new PlainMemory();
  await using executor = await tfjsProvider.create({ model, memory, runtime, ...sizes });
  expect(executor).toMatchObject({ name: "tfjs", plan });
  expect(executor.description).toContain(`TensorFlow.js 4.22.0, ${runtime}`);
  expect(memory.liveBytes).toBeGreaterThan(plan.kvCacheBytes);
  expect(memory.liveBytes).toBeLessThan(plan.totalBytes);
});

test("takes the first runtime that is installed, and says which are not", async () => {
  const model = await openGolden("llama2");
  await using executor = await createTfjsExecutor({ model, memory: new PlainMemory(), ...sizes });
  expect(executor.description).toMatch(
    /^TensorFlow\.js 4\.22\.0, wasm: .*; not used: tfjs-node-gpu: @tensorflow\/tfjs-node-gpu is not installed; tfjs-node: .* is not installed$/,
  );
});

describe("refuses", () => {
  test.each(["tfjs-node-gpu", "tfjs-node"] as const)("%s, with what to install", async (runtime) => {
    const model = await openGolden("llama2");
    const unavailable = {
      code: "EXECUTOR_UNAVAILABLE",
      message: expect.stringContaining(`npm install @tensorflow/${runtime}`),
    };
    await expect(tfjsProvider.assertLoadable(model, { runtime })).rejects.toMatchObject(unavailable);
    const memory = new PlainMemory();
    await expect(tfjsProvider.create({ model, memory, runtime, ...sizes })).rejects.toMatchObject(
      unavailable,
    );
    expect(memory.liveBlockCount).toBe(0);
  });

  test.each([
    [{ runtime: "ffi" }, /`runtime`: expected one of auto, tfjs-node-gpu, tfjs-node, wasm, cpu, got "ffi"/],
    [{ kvCacheDtype: "int8" }, /`kvCacheDtype`: expected "float32" with this executor, got "int8"/],
    [{ kvCacheDtype: "bfloat16" }, /`kvCacheDtype`: expected "float32" with this executor, got "bfloat16"/],
    [{ threads: 2 }, /`threads`: expected none with this executor, .*, got 2/],
  ] as const)("the options %j", async (options, message) => {
    const model = await openGolden("llama2");
    const create = async (): Promise<unknown> =>
      tfjsProvider.create({ model, memory: new PlainMemory(), ...sizes, ...options });
    await expect(create()).rejects.toMatchObject({
      code: "INVALID_EXECUTOR_OPTIONS",
      message: expect.stringMatching(message),
    });
  });

  test("a model that WebAssembly cannot address", async () => {
    const model = await openGolden("llama2");
    const { config } = model;
    // Weights are read after that.
    const large = { ...model, config: { ...config, contextTokens: 2 ** 27 } };
    const options = { maxSequences: 1, maxChunkTokens: 1, contextTokens: 2 ** 27, memory: new PlainMemory() };
    await expect(createTfjsExecutor({ ...options, model: large, runtime: "wasm" })).rejects.toMatchObject({
      code: "EXECUTOR_UNAVAILABLE",
      message: expect.stringMatching(/expected a model of at most 4227792896 bytes, .* wasm/),
    });
  });
});
