import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHostMemoryPool } from "@infernode/memory";
import { loadModel, openAdapter } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOnnxExecutor } from "../../src/executors/onnx/index.ts";
import {
  createEngine,
  type Executor,
  type GenerationRequest,
  type InferenceEngine,
} from "../../src/index.ts";
import { adapterDirectory, readAdapterGolden } from "../executors/support/golden-adapters.ts";

const fixtures = fileURLToPath(new URL("../../../../test/fixtures/checkpoints", import.meta.url));
const names = ["llama2-all", "llama2-patterns", "llama2-rslora"];
const memory = createHostMemoryPool();
const model = await loadModel(join(fixtures, "llama2"));
const [, { tokens: prompt } = { tokens: [] }] = readAdapterGolden("llama2-all").prompts;

let executor: Executor;
let engine: InferenceEngine;

beforeAll(async () => {
  executor = await createOnnxExecutor({
    model,
    memory,
    maxSequences: 8,
    threads: 1,
    maxAdapters: 3,
    maxAdapterRank: 8,
  });
  for (const [at, name] of names.entries()) {
    const adapter = await openAdapter(adapterDirectory(name), { config: model.config });
    await executor.adapterStorage?.load(at + 1, adapter);
    await adapter.close();
  }
  engine = createEngine({
    executor,
    tokenizer: model.tokenizer,
    eosTokenIds: [],
    model: model.name,
    memory,
    limits: { maxTokensPerStep: 16, maxRunningSequences: 8 },
  });
});
afterAll(async () => {
  await engine.dispose();
  await executor.dispose();
  await model.dispose();
  memory.dispose();
});

async function answersTo(request: Partial<GenerationRequest>): Promise<readonly (readonly number[])[]> {
  const { choices } = await engine
    .generate({
      promptTokenIds: prompt,
      sampling: { temperature: 0.7, seed: 11 },
      stopping: { maxTokens: 12 },
      ...request,
    })
    .result();
  return choices.map(({ tokenIds }) => tokenIds);
}

describe("requests with adapters", () => {
  it("get in one batch what each gets alone, with the same prompt and several answers", async () => {
    const requests = [0, 1, 2, 3, 1, 0].map((adapter, at) => ({ adapter, n: at === 4 ? 2 : 1 }));
    const together = await Promise.all(requests.map(answersTo));
    for (const [at, request] of requests.entries()) expect(await answersTo(request)).toEqual(together[at]);
    const [base, first, second, third] = together.map((answers) => JSON.stringify(answers[0]));
    expect(new Set([base, first, second, third]).size).toBe(4);
  });

  it("are refused for a place that there is not", () => {
    expect(() => engine.generate({ promptTokenIds: prompt, adapter: 4 })).toThrow(/`adapter`.*0 to 3.*4/);
  });
});
