import path from "node:path";
import { fileURLToPath } from "node:url";
import { createHostMemoryPool } from "@infernode/memory";
import { loadModel } from "@infernode/models";
import { expect, test } from "vitest";
import { createEngine, type EngineStats } from "../../../src/index.ts";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import { readGolden } from "../support/golden.ts";
import { describeOnDevice } from "./describe-device.ts";

const checkpoints = fileURLToPath(new URL("../../../../../test/fixtures/checkpoints", import.meta.url));

describeOnDevice("the engine on a CUDA device", (openPool) => {
  test.each([
    ["with room for all", 4 * 176, 64],
    // The longest sequence has 11 pages.
    ["with few pages, which sequences take from each other", 14 * 16, 64],
    ["with prompts in small chunks", 4 * 176, 7],
  ])("generates the greedy tokens of transformers %s", async (_, kvCacheTokens, maxTokensPerStep) => {
    const model = await loadModel(path.join(checkpoints, "qwen3"));
    const host = createHostMemoryPool();
    using memory = openPool();
    const executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      maxSequences: 4,
      contextTokens: 176,
      maxChunkTokens: 48,
      kvCacheTokens,
    });
    expect(executor.plan.kvPages).toEqual({
      pageTokens: 16,
      pageCount: kvCacheTokens / 16,
      isShareable: true,
    });
    const engine = createEngine({
      executor,
      tokenizer: model.tokenizer,
      eosTokenIds: model.config.eosTokenIds,
      model: model.name,
      memory: host,
      limits: { maxTokensPerStep, maxRunningSequences: 4 },
    });
    const prompts = readGolden("qwen3");
    const results = await Promise.all(
      prompts.map(({ tokenIds, greedyTokenIds }) => {
        const stopping = { maxTokens: greedyTokenIds.length, ignoreEos: true };
        const request = { promptTokenIds: [...tokenIds], sampling: { temperature: 0 }, stopping };
        return engine.generate(request).result();
      }),
    );
    for (const [index, { choices }] of results.entries()) {
      expect(choices[0]?.tokenIds).toEqual(prompts[index]!.greedyTokenIds);
    }
    expect(engine.stats().preemptionCount > 0).toBe(kvCacheTokens < 4 * 176);
    await engine.dispose();
    await executor.dispose();
    await model.dispose();
    host.dispose();
  });

  test("verifies what is proposed, with the greedy tokens of transformers in fewer steps", async () => {
    const model = await loadModel(path.join(checkpoints, "qwen3"));
    const host = createHostMemoryPool();
    using memory = openPool();
    const sizes = { maxSequences: 4, contextTokens: 176, maxChunkTokens: 48 };
    await using executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
    const prompts = readGolden("qwen3");
    const stats = async (isPredicted: boolean): Promise<EngineStats> => {
      await using engine = createEngine({
        executor,
        tokenizer: model.tokenizer,
        eosTokenIds: model.config.eosTokenIds,
        model: model.name,
        memory: host,
        speculation: { maxTokens: 4 },
      });
      const results = prompts.map(({ tokenIds, greedyTokenIds }) => {
        const stopping = { maxTokens: greedyTokenIds.length, ignoreEos: true };
        // One in eight is wrong.
        const predictedTokenIds = Array.from(greedyTokenIds, (id, at) => (at % 8 === 7 ? 1 : id));
        const request = { promptTokenIds: [...tokenIds], sampling: { temperature: 0 }, stopping };
        return engine.generate({ ...request, ...(isPredicted && { predictedTokenIds }) }).result();
      });
      for (const [index, { choices }] of (await Promise.all(results)).entries()) {
        expect(choices[0]?.tokenIds).toEqual(prompts[index]!.greedyTokenIds);
      }
      return engine.stats();
    };
    const [plain, predicted] = [await stats(false), await stats(true)];
    expect(predicted.confirmedTokenCount).toBeGreaterThan(predicted.generatedTokenCount / 4);
    expect(predicted.proposedTokenCount).toBeGreaterThan(predicted.confirmedTokenCount);
    expect(predicted.stepCount).toBeLessThan(plain.stepCount * 0.8);
    await model.dispose();
    host.dispose();
  });
});
