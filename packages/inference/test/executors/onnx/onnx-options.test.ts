import { expect, test } from "vitest";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { resolveOnnxMemoryOptions, resolveOnnxOptions } from "../../../src/executors/onnx/onnx-options.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { plainArchitecture, tinyConfig } from "../support/random-checkpoint.ts";

const weights: ExecutorModel["weights"] = {
  tensors: new Map(),
  totalBytes: 0,
  parameterCount: 0,
  weight: () => undefined,
  read: () => Promise.reject(new Error("there are no weights")),
  readRange: () => Promise.reject(new Error("there are no weights")),
  close: () => Promise.resolve(),
};
const model: ExecutorModel = { name: "tiny", config: tinyConfig, architecture: plainArchitecture, weights };
const memory = new PlainMemory();

test("takes the model's context and chunks of at most 512 tokens by default", () => {
  expect(resolveOnnxMemoryOptions(model, { maxSequences: 4 })).toEqual({
    maxSequences: 4,
    contextTokens: 64,
    maxChunkTokens: 64,
    kvCacheDtype: "float32",
    maxAdapters: 0,
    maxAdapterRank: 16,
  });
  const long = { ...model, config: { ...tinyConfig, contextTokens: 4096 } };
  expect(resolveOnnxMemoryOptions(long, { maxSequences: 4 }).maxChunkTokens).toBe(512);
});

test("is frozen", () => {
  const options = resolveOnnxOptions({ model, memory, maxSequences: 1 });
  expect(Object.isFrozen(options)).toBe(true);
  expect(options).toMatchObject({ runtime: "auto" });
});

test.each([
  ["maxSequences", { maxSequences: 0 }],
  ["maxSequences", { maxSequences: 1.5 }],
  ["contextTokens", { contextTokens: 65 }],
  ["maxChunkTokens", { contextTokens: 8, maxChunkTokens: 9 }],
  ["kvCacheDtype", { kvCacheDtype: "int4" as "int8" }],
  ["productPrecision", { productPrecision: "16-bit" as const }],
  ["productLibrary", { productLibrary: "cublasLt" as const }],
  ["threads", { threads: 0 }],
  ["runtime", { runtime: "gpu" as "auto" }],
  ["maxSequence", { maxSequence: 3 }],
])("refuses a wrong %s", (name, options) => {
  expect(() => resolveOnnxOptions({ model, memory, maxSequences: 1, ...options })).toThrow(
    expect.objectContaining({ code: "INVALID_EXECUTOR_OPTIONS", message: expect.stringContaining(name) }),
  );
});
