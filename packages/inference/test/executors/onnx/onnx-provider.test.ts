import type { ModelConfig } from "@infernode/models";
import { expect, test } from "vitest";
import { onnxProvider, planOnnxMemory } from "../../../src/executors/onnx/index.ts";
import { openGolden } from "../support/golden.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";

test.each(onnxProvider.runtimes)("creates what it planned, by way of %s", async (runtime) => {
  const model = await openGolden("llama2");
  const sizes = { maxSequences: 2, contextTokens: 64, maxChunkTokens: 32 };
  await onnxProvider.assertSupported(model);
  await onnxProvider.assertLoadable(model, { runtime });
  const plan = onnxProvider.plan(model, sizes);
  expect(plan).toEqual(planOnnxMemory(model, sizes));
  await using executor = await onnxProvider.create({ model, memory: new PlainMemory(), runtime, ...sizes });
  expect(executor).toMatchObject({ name: onnxProvider.name, plan });
  expect(executor.description).toContain(onnxProvider.library);
});

test("checks in advance what creation would refuse", async () => {
  const factors = Array.from({ length: 8 }, () => 1);
  const rotaries = [16, 32].map((originalContextTokens): ModelConfig["rotaries"][number] => ({
    dim: 16,
    theta: 10_000,
    scaling: {
      type: "longrope",
      shortFactors: factors,
      longFactors: factors,
      originalContextTokens,
      attentionFactor: 1,
    },
  }));
  await using odd = await createRandomCheckpoint({ ...tinyConfig, rotaries, layerRotary: [0, 1] }, 1);
  const unsupported = {
    code: "UNSUPPORTED_MODEL",
    message: expect.stringContaining("longrope over 16 and longrope over 32"),
  };
  await expect(onnxProvider.assertSupported(odd.model)).rejects.toMatchObject(unsupported);
  const options = { model: odd.model, memory: new PlainMemory(), maxSequences: 1 };
  await expect(onnxProvider.create(options)).rejects.toMatchObject(unsupported);
  const wrong = { code: "INVALID_EXECUTOR_OPTIONS", message: expect.stringContaining('got "wasm"') };
  const model = await openGolden("llama2");
  await expect(onnxProvider.assertLoadable(model, { runtime: "wasm" })).rejects.toMatchObject(wrong);
  const create = async (): Promise<unknown> => onnxProvider.create({ ...options, model, runtime: "wasm" });
  await expect(create()).rejects.toMatchObject(wrong);
});
