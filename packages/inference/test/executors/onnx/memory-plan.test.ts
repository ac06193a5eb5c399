import { expect, test } from "vitest";
import { createOnnxExecutor, planOnnxMemory } from "../../../src/executors/onnx/index.ts";
import { openGolden } from "../support/golden.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

const llama2 = await openGolden("llama2");
const f16 = await openGolden("llama-f16");

test("counts matrices packed as float32, the embedding as stored, and vectors as float32", () => {
  // hidden 64, intermediate 64, 4 heads of 16, vocabulary 320, two layers, no biases.
  const layer = 4 * 64 * 64 + 3 * 64 * 64 + 2 * 64;
  const wanted = (320 * 64 + 2 * layer + 64 + 320 * 64) * 4;
  expect(planOnnxMemory(llama2, { maxSequences: 1 }).weightsBytes).toBe(wanted);
});

test("counts a tied embedding twice: 16 bits for the lookup, 32 bits for the logits", () => {
  // One key and value head of 16, intermediate 80, stored as F16.
  const layer = 2 * 64 * 64 + 2 * 16 * 64 + 3 * 80 * 64 + 2 * 64;
  const wanted = 320 * 64 * 2 + (2 * layer + 64 + 320 * 64) * 4;
  expect(planOnnxMemory(f16, { maxSequences: 1 }).weightsBytes).toBe(wanted);
});

test("counts the KV cache by slots, whole contexts and layers", () => {
  const plan = planOnnxMemory(llama2, { maxSequences: 3, contextTokens: 100 });
  expect(plan.kvBytesPerToken).toBe(2 * 2 * 4 * 16 * 4);
  expect(plan.kvCacheBytes).toBe(3 * 100 * plan.kvBytesPerToken);
  expect(plan).toMatchObject({ maxSequences: 3, contextTokens: 100 });
  const { weightsBytes, kvCacheBytes, activationsBytes, workspaceBytes } = plan;
  expect(plan.totalBytes).toBe(weightsBytes + kvCacheBytes + activationsBytes + workspaceBytes);
});

test("allocates from the pool what was planned", async () => {
  const memory = new PlainMemory();
  const sizes = { maxSequences: 3, contextTokens: 100, maxChunkTokens: 32 };
  const plan = planOnnxMemory(llama2, sizes);
  await using executor = await createOnnxExecutor({ model: llama2, memory, runtime: "ffi", ...sizes });
  expect(executor.plan).toEqual(plan);
  // A row for each sequence, and 31 for a chunk of 32 tokens whose every token wants one.
  const logitsBytes = (3 + 31) * 320 * 4;
  expect(memory.liveBytes).toBe(plan.kvCacheBytes + plan.workspaceBytes + logitsBytes);
  expect(plan.activationsBytes).toBeGreaterThan(logitsBytes);
});

test("grows with the chunk", () => {
  const of = (maxChunkTokens: number): number =>
    planOnnxMemory(llama2, { maxSequences: 1, maxChunkTokens }).activationsBytes;
  expect(of(128) - of(64)).toBeCloseTo(of(192) - of(128), 6);
  expect(of(128)).toBeGreaterThan(of(64));
});

test("counts the scores of all heads for a chunk where the runtime holds them: with sinks", async () => {
  const gptOss = await openGolden("gpt-oss");
  const grown = (model: typeof llama2): number => {
    const of = (contextTokens: number): number =>
      planOnnxMemory(model, { maxSequences: 1, maxChunkTokens: 32, contextTokens }).activationsBytes;
    return of(256) - of(192);
  };
  // 6 heads.
  expect([grown(gptOss), grown(llama2)]).toEqual([32 * 6 * 64 * 4, 0]);
});

test("refuses options that the executor would refuse", () => {
  expect(() => planOnnxMemory(llama2, { maxSequences: 1, contextTokens: 257 })).toThrow(
    expect.objectContaining({ code: "INVALID_EXECUTOR_OPTIONS" }),
  );
});
