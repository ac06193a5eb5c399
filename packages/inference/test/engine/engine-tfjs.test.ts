import { createHostMemoryPool } from "@infernode/memory";
import { loadModel } from "@infernode/models";
import { expect, test } from "vitest";
import { createTfjsExecutor } from "../../src/executors/tfjs/index.ts";
import { createEngine } from "../../src/index.ts";
import { fileURLToPath } from "node:url";
import { readGolden } from "../executors/support/golden.ts";

const checkpoints = fileURLToPath(new URL("../../../../test/fixtures/checkpoints", import.meta.url));

test.each(["wasm", "cpu"] as const)(
  "the engine generates the greedy tokens of transformers on %s",
  async (runtime) => {
    const memory = createHostMemoryPool();
    const model = await loadModel(`${checkpoints}/qwen3`);
    const executor = await createTfjsExecutor({ model, memory, maxSequences: 4, runtime });
    const engine = createEngine({
      executor,
      tokenizer: model.tokenizer,
      eosTokenIds: model.config.eosTokenIds,
      model: model.name,
      memory,
      limits: { maxTokensPerStep: 16, maxRunningSequences: 4 },
    });
    const prompts = readGolden("qwen3");
    // All at once: prompts of 1 to 100 tokens share their steps.
    const results = await Promise.all(
      prompts.map(({ tokenIds, greedyTokenIds }) =>
        engine
          .generate({
            promptTokenIds: tokenIds,
            sampling: { temperature: 0 },
            stopping: { maxTokens: greedyTokenIds.length, ignoreEos: true },
          })
          .result(),
      ),
    );
    expect(results.map(({ choices }) => choices[0]?.tokenIds)).toEqual(
      prompts.map(({ greedyTokenIds }) => greedyTokenIds),
    );
    await engine.dispose();
    await executor.dispose();
    await model.dispose();
    expect(memory.stats().liveBlockCount).toBe(0);
    memory.dispose();
  },
);
