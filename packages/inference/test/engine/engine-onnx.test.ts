import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHostMemoryPool } from "@infernode/memory";
import { embeddedModelDirectory, type LanguageModel, loadModel } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEngine, type GenerationRequest, type InferenceEngine } from "../../src/index.ts";
import { createOnnxExecutor } from "../../src/executors/onnx/index.ts";
import { readGolden } from "../executors/support/golden.ts";

const fixtures = fileURLToPath(new URL("../../../../test/fixtures", import.meta.url));

interface Golden {
  readonly prompts: readonly { readonly tokens: readonly number[]; readonly greedy: readonly number[] }[];
}

interface Stage {
  readonly model: LanguageModel;
  readonly engine: InferenceEngine;
  close(): Promise<void>;
}

/** A model from files with everything real under it. */
async function createStage(
  directory: string,
  maxTokensPerStep: number,
  maxRunningSequences: number = Math.min(6, maxTokensPerStep),
): Promise<Stage> {
  const memory = createHostMemoryPool();
  const model = await loadModel(directory);
  const executor = await createOnnxExecutor({ model, memory, maxSequences: 6, threads: 1 });
  const engine = createEngine({
    executor,
    tokenizer: model.tokenizer,
    eosTokenIds: model.config.eosTokenIds,
    model: model.name,
    memory,
    limits: { maxTokensPerStep, maxRunningSequences },
  });
  const close = async (): Promise<void> => {
    await engine.dispose();
    await executor.dispose();
    await model.dispose();
    expect(memory.stats().liveBlockCount).toBe(0);
    memory.dispose();
  };
  return { model, engine, close };
}

async function tokensOf(engine: InferenceEngine, request: GenerationRequest): Promise<readonly number[]> {
  const { choices } = await engine.generate(request).result();
  return choices[0]?.tokenIds ?? [];
}

/** Log-softmax of one entry. */
function logprobOf(logits: Float32Array, logit: number): number {
  return logit - Math.log(logits.reduce((sum, each) => sum + Math.exp(each), 0));
}

describe.each(["llama3", "qwen3"])("the engine on onnxruntime with %s", (name) => {
  const golden = JSON.parse(readFileSync(join(fixtures, "golden", `${name}.json`), "utf8")) as Golden;

  it.each([256, 7, 1])(
    "generates the greedy tokens of transformers, %i tokens a step",
    async (maxTokensPerStep) => {
      const stage = await createStage(join(fixtures, "checkpoints", name), maxTokensPerStep);
      try {
        const requests = golden.prompts.map(({ tokens, greedy }) => ({
          promptTokenIds: tokens,
          sampling: { temperature: 0 },
          stopping: { maxTokens: greedy.length, ignoreEos: true },
        }));
        // All at once: prompts of 1 to 100 tokens share their steps.
        const answers = await Promise.all(requests.map((request) => tokensOf(stage.engine, request)));
        expect(answers).toEqual(golden.prompts.map((prompt) => prompt.greedy));
      } finally {
        await stage.close();
      }
    },
  );

  it.each([256, 7])(
    "reports the prompt's log-probabilities of transformers, %i tokens a step",
    async (limit) => {
      const stage = await createStage(join(fixtures, "checkpoints", name), limit);
      try {
        const prompts = readGolden(name);
        // All at once; the longest has more tokens than there are rows of logits.
        const results = await Promise.all(
          prompts.map(({ tokenIds }, at) => {
            const stopping = { maxTokens: at % 2 };
            return stage.engine.generate({ promptTokenIds: tokenIds, stopping, promptLogprobs: 3 }).result();
          }),
        );
        let comparedCount = 0;
        for (const [index, { tokenIds, firstPosition, logits }] of prompts.entries()) {
          const reported = results[index]?.promptLogprobs ?? [];
          expect(reported.map((each) => each?.tokenId)).toEqual([undefined, ...tokenIds.slice(1)]);
          for (const [row, wanted] of logits.slice(0, -1).entries()) {
            const at = firstPosition + row + 1;
            const likeliest = Array.from(wanted).sort((a, b) => b - a);
            const top = reported[at]?.top.map(({ logprob }) => logprob);
            expect(reported[at]?.logprob).toBeCloseTo(logprobOf(wanted, wanted[tokenIds[at]!]!), 3);
            expect(top).toEqual(
              likeliest.slice(0, 3).map((logit) => expect.closeTo(logprobOf(wanted, logit), 3)),
            );
            comparedCount += 1;
          }
        }
        expect(comparedCount).toBe(32);
      } finally {
        await stage.close();
      }
    },
  );

  it("fills the context to its last position", async () => {
    const stage = await createStage(join(fixtures, "checkpoints", name), 32);
    try {
      const { contextTokens } = stage.engine;
      const tokenAt = (_: unknown, at: number): number => 4 + ((at * 37) % 300);
      const prompts = [contextTokens - 3, contextTokens - 1].map((length) => Array.from({ length }, tokenAt));
      const sampling = { temperature: 0 };
      const stopping = { ignoreEos: true };
      const [three, one, none] = await Promise.all([
        ...prompts.map((promptTokenIds) =>
          stage.engine.generate({ promptTokenIds, sampling, stopping }).result(),
        ),
        stage.engine
          .generate({
            promptTokenIds: Array.from({ length: contextTokens }, tokenAt),
            promptLogprobs: 0,
            stopping: { maxTokens: 0 },
          })
          .result(),
      ]);
      expect(three?.choices[0]).toMatchObject({ finishReason: "length" });
      expect(three?.choices[0]?.tokenIds).toHaveLength(3);
      expect(one?.choices[0]?.tokenIds).toHaveLength(1);
      expect(none?.promptLogprobs).toHaveLength(contextTokens);
    } finally {
      await stage.close();
    }
  });

  it("generates the same whether answers share their prompt or not", async () => {
    const request: GenerationRequest = {
      promptTokenIds: Array.from({ length: 41 }, (_, at) => 4 + ((at * 37) % 300)),
      sampling: { seed: 3, temperature: 0.9, topP: 0.95 },
      stopping: { maxTokens: 12, ignoreEos: true },
      n: 6,
    };
    const answers: unknown[] = [];
    const promptTokenCounts: number[] = [];
    for (const maxRunningSequences of [6, 4, 1]) {
      const stage = await createStage(join(fixtures, "checkpoints", name), 32, maxRunningSequences);
      try {
        const { choices } = await stage.engine.generate(request).result();
        answers.push(choices.map(({ tokenIds }) => tokenIds));
        promptTokenCounts.push(stage.engine.stats().promptTokenCount);
      } finally {
        await stage.close();
      }
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    // With four at a time, the others copy from those that are a token behind the first.
    expect(promptTokenCounts).toEqual([46, 46, 6 * 41]);
  });

  it("generates the same answers for the same seed, alone and in a changing batch", async () => {
    const stage = await createStage(join(fixtures, "checkpoints", name), 32);
    try {
      const request = (seed: number): GenerationRequest => ({
        promptTokenIds: Array.from({ length: 3 + seed * 9 }, (_, at) => 4 + ((at * 37 + seed) % 300)),
        sampling: { seed, temperature: 0.9, topP: 0.95, topK: 40, repetitionPenalty: 1.1 },
        stopping: { maxTokens: 10 + 5 * seed, ignoreEos: true },
        n: 1 + (seed % 2),
        logprobs: 3,
      });
      const seeds = [0, 1, 2, 3, 4, 5, 6];
      const alone = [];
      for (const seed of seeds) alone.push((await stage.engine.generate(request(seed)).result()).choices);
      const among = await Promise.all(
        seeds.map(async (seed) => (await stage.engine.generate(request(seed)).result()).choices),
      );
      for (const seed of seeds) {
        expect(among[seed]?.map((choice) => choice.tokenIds)).toEqual(
          alone[seed]?.map((choice) => choice.tokenIds),
        );
      }
    } finally {
      await stage.close();
    }
  });
});

const embedded = embeddedModelDirectory();
const isThere = existsSync(join(embedded, "model.safetensors"));

if (!isThere) console.warn("skipped: the embedded model is not in packages/models/embedded");

describe.skipIf(!isThere)("the embedded model", () => {
  let stage: Stage;
  const promptOf = (text: string): GenerationRequest => ({
    promptTokenIds: stage.model.tokenizer.encode(text),
    stopping: { maxTokens: 48 },
  });
  beforeAll(async () => {
    stage = await createStage(embedded, 64);
  });
  afterAll(async () => {
    await stage?.close();
  });

  it("generates the same text for the same seed, alone and in a batch", async () => {
    const request = { ...promptOf("Once upon a time"), sampling: { seed: 42, temperature: 0.8 } };
    const alone = await stage.engine.generate(request).result();
    const neighbours = [1, 2, 3, 4].map((seed) =>
      stage.engine.generate({ ...promptOf("A small fox ".repeat(seed)), sampling: { seed } }).result(),
    );
    const among = await stage.engine.generate(request).result();
    await Promise.all(neighbours);
    expect(among.choices).toEqual(alone.choices);
    expect(alone.choices[0]?.text.length).toBeGreaterThan(20);
  });

  it("streams the text of the result, in whole characters", async () => {
    const stream = stage.engine.generate({ ...promptOf("Once"), sampling: { seed: 7 }, n: 2 });
    const texts = ["", ""];
    for await (const delta of stream) texts[delta.index] += delta.text;
    const { choices } = await stream.result();
    expect(choices.map((choice) => choice.text)).toEqual(texts);
    expect(texts.join("")).not.toContain("\uFFFD");
  });

  it("leaves within a step when its signal is aborted", async () => {
    const controller = new AbortController();
    const request = { ...promptOf("Once"), signal: controller.signal };
    const stream = stage.engine.generate({ ...request, stopping: { ignoreEos: true } });
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const delta of stream) {
          seen.push(...delta.tokenIds);
          controller.abort();
        }
      })(),
    ).rejects.toMatchObject({ name: "AbortError" });
    await stage.engine.generate({ ...promptOf("A"), stopping: { maxTokens: 1 } }).result();
    expect(seen.length).toBeLessThan(4);
    expect(stage.engine.stats()).toMatchObject({ runningSequenceCount: 0, waitingRequestCount: 0 });
  });
});
