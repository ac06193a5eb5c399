import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CudaMemoryPool } from "@infernode/memory/cuda";
import { afterAll, describe, expect, test } from "vitest";
import { aheadCases } from "../../../src/conformance/ahead-cases.ts";
import { ForwardDriver } from "../../../src/conformance/forward-driver.ts";
import type { InferenceError } from "../../../src/errors.ts";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import {
  createEngine,
  type EngineStats,
  type Executor,
  type ExecutorSizes,
  type ForwardBatch,
  type GenerationRequest,
  type GenerationResult,
} from "../../../src/index.ts";
import { createByteTokenizer, createPlainByteTokenizer } from "../../support/byte-tokenizer.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { openGolden } from "../support/golden.ts";
import { type LongPrompt, openLongPromptModel, readLongPrompts } from "../support/long-prompts.ts";
import { samplingOf } from "../support/sampling-of.ts";
import { describeOnProcessor } from "./describe-device.ts";

const illegalAddress = 700;
const sizes = { maxSequences: 4, contextTokens: 64, maxChunkTokens: 16 };

const requestOf = (salt: number, part: Partial<GenerationRequest> = {}): GenerationRequest => ({
  promptTokenIds: Array.from({ length: 9 + 5 * salt }, (_, at) => (at * 31 + salt * 7) % 250),
  sampling: { seed: salt, temperature: salt % 2 },
  ...part,
  stopping: { maxTokens: 24 + salt, ...part.stopping },
});

/** More than run at once, of which some end early, and some are sampled by the host. */
const requests: readonly GenerationRequest[] = [
  requestOf(0),
  requestOf(1, { stopping: { stopTokenIds: Array.from({ length: 80 }, (_, at) => 3 * at) } }),
  requestOf(2),
  requestOf(3, { stopping: { stopTokenIds: Array.from({ length: 120 }, (_, at) => 2 * at) } }),
  requestOf(4, { sampling: { seed: 4, presencePenalty: 1 }, stopping: { maxTokens: 3 } }),
  requestOf(5),
];

async function answer(
  executor: Executor,
  runsAhead: boolean,
): Promise<{ readonly choices: readonly GenerationResult["choices"][]; readonly stats: EngineStats }> {
  await using engine = createEngine({
    executor,
    tokenizer: createPlainByteTokenizer([]),
    eosTokenIds: [],
    model: "m",
    memory: new PlainMemory(),
    limits: { maxTokensPerStep: 24 },
    runsAhead,
  });
  const results = await Promise.all(requests.map((request) => engine.generate(request).result()));
  await engine.drain();
  return { choices: results.map(({ choices }) => choices), stats: engine.stats() };
}

/** The token 5 as a sequence of its own, in the first page. */
const oneToken: ForwardBatch = {
  chunkCount: 1,
  slots: Int32Array.of(0),
  blockTables: Int32Array.of(0),
  blockTableStride: 1,
  startPositions: Int32Array.of(0),
  lengths: Int32Array.of(1),
  logitCounts: Int32Array.of(1),
  tokenIds: Int32Array.of(5),
  sampling: samplingOf(1),
};

describeOnProcessor("steps ahead on a CUDA device", (openPool, { standIn }) => {
  // With few pages sequences take them from each other.
  test.each([4 * 64, 4 * 16])(
    "answer as steps one by one do, in %i tokens of cache, when all work waits for the host to wait for it",
    async (kvCacheTokens) => {
      const model = await openGolden("llama2");
      using memory = openPool();
      await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes, kvCacheTokens });
      expect(executor.canRunAhead).toBe(true);
      const expected = await answer(executor, false);
      expect(expected.stats.aheadStepCount).toBe(0);
      standIn.hold();
      const { choices, stats } = await answer(executor, true);
      standIn.release();
      expect(choices).toEqual(expected.choices);
      expect(stats.aheadStepCount).toBeGreaterThan(0);
      expect(stats.hostHeldStepCount).toBeGreaterThan(0);
      expect(stats.memoryHeldStepCount > 0).toBe(kvCacheTokens < 4 * 64);
    },
  );

  test("fail with the one before them when the device is lost, which is told once", async () => {
    const model = await openGolden("llama2");
    using memory = openPool();
    const lost: string[] = [];
    const onDeviceLost = ({ code }: InferenceError): void => void lost.push(code);
    const executor = await createCudaExecutor({ model, pool: memory.pool, onDeviceLost, ...sizes });
    await executor.forward(oneToken);
    standIn.fail("cuEventSynchronize", illegalAddress, { forever: true });
    const codes = await Promise.all(
      [oneToken, { ...oneToken, tokenSources: Int32Array.of(0) }].map((batch) =>
        executor.forward(batch).then(
          () => "none",
          (error: InferenceError) => error.code,
        ),
      ),
    );
    expect(codes).toEqual(["DEVICE_LOST", "DEVICE_LOST"]);
    expect(lost).toEqual(["DEVICE_LOST"]);
    standIn.stopFailing();
    await executor.dispose();
  });

  describe.each(readLongPrompts().cases.filter(({ name }) => name === "dynamic" || name === "longrope"))(
    "where rotations follow the length of a sequence: $name",
    (each) => {
      const folder = mkdtempSync(join(tmpdir(), "infernode-ahead-"));
      afterAll(() => rmSync(folder, { recursive: true }));
      const [crossing, long] = each.prompts as [LongPrompt, LongPrompt];
      const openExecutor = async (pool: CudaMemoryPool, sizesOf: ExecutorSizes): Promise<Executor> =>
        createCudaExecutor({
          model: await openLongPromptModel(each, folder),
          pool,
          contextTokens: 256,
          kvCacheDtype: "float32",
          productPrecision: "float32",
          ...sizesOf,
        });

      // The others compute nothing again.
      test.runIf(each.name === "longrope")("take tokens from rows of a forward that runs", async () => {
        using memory = openPool();
        // The original context of 32 tokens ends with the second token of the second prompt.
        const { tokens, greedy } = crossing;
        const split = 31 - tokens.length;
        const noLogits = { logits: [], firstPosition: 0 };
        const prompts = [
          { tokenIds: long.tokens, greedyTokenIds: long.greedy, ...noLogits },
          {
            tokenIds: [...tokens, ...greedy.slice(0, split)],
            greedyTokenIds: greedy.slice(split),
            ...noLogits,
          },
        ];
        const opened: Executor[] = [];
        const create = async (sizesOf: ExecutorSizes): Promise<ForwardDriver> => {
          const executor = await openExecutor(memory.pool, sizesOf);
          opened.push(executor);
          return new ForwardDriver(executor);
        };
        const run = aheadCases["takes tokens from the rows of a forward that still runs"]!;
        await expect(run({ create, prompts, tolerance: 1e-4 })).resolves.toBeUndefined();
        for (const executor of opened) await executor.dispose();
      });

      test("answer as generate of transformers does", async () => {
        using memory = openPool();
        await using executor = await openExecutor(memory.pool, { maxSequences: 2, maxChunkTokens: 64 });
        await using engine = createEngine({
          executor,
          tokenizer: createByteTokenizer(
            Array.from({ length: executor.vocabSize }, (_, id) => Uint8Array.of(97 + (id % 26))),
          ),
          eosTokenIds: [],
          model: "m",
          memory: new PlainMemory(),
        });
        standIn.hold();
        const answers = [crossing, long].map(({ tokens, greedy }, at) => {
          const maxTokens = at === 0 ? 20 : 8;
          const request = { promptTokenIds: tokens, sampling: { temperature: 0 }, stopping: { maxTokens } };
          return { expected: greedy.slice(0, maxTokens), result: engine.generate(request).result() };
        });
        for (const { expected, result } of answers) {
          const { choices } = await result;
          expect(choices[0]!.tokenIds).toEqual(expected);
        }
        standIn.release();
        const { stepCount, aheadStepCount } = engine.stats();
        expect(aheadStepCount).toBe(stepCount - 1);
      });
    },
  );
});
