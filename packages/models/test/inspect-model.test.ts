import { describe, expect, it } from "vitest";

import { inspectModel } from "../src/index.ts";
import { checkpointDirectory } from "./support/fixtures.ts";
import { expectModelError } from "./support/model-error.ts";
import { modelDirectory, createModelFiles } from "./support/model-files.ts";

describe("inspectModel", () => {
  it("describes a model and closes it", async () => {
    const files = createModelFiles();
    const facts = await inspectModel(modelDirectory, { files });
    expect(facts).toMatchObject({
      name: "tiny-llama",
      family: "llama",
      architecture: "LlamaForCausalLM",
      files: ["model.safetensors"],
      contextTokens: 64,
      layerCount: 2,
      kvHeadCount: 1,
      headDim: 4,
      hasTiedEmbeddings: false,
      hasChatTemplate: true,
      tokenizerType: "BPE",
      tokenizerVocabSize: 271,
      unusedTensors: [],
      warnings: [],
      eosTokenIds: [2, 269],
      kvBytesPerToken: { f32: 2 * 2 * 4 * 4, f16: 2 * 2 * 4 * 2 },
    });
    expect(facts.weightBytesByDtype).toEqual({ F32: facts.weightBytes });
    expect(facts.weightBytes).toBe(facts.parameterCount * 4);
    expect(JSON.parse(JSON.stringify(facts))).toMatchObject({ name: "tiny-llama" });
    expect(files.openCount()).toBe(0);
  });

  it("adds up the sizes of shards", async () => {
    const facts = await inspectModel(checkpointDirectory("llama-sharded"));
    expect(facts.files).toEqual([1, 2, 3].map((shard) => `model-0000${shard}-of-00003.safetensors`));
    expect(facts.weightBytesByDtype).toEqual({ BF16: 124_352 * 2 });
    expect(facts).toMatchObject({ parameterCount: 124_352, tokenizerVocabSize: 320, hasChatTemplate: true });
  });

  it("counts the layers with a sliding window", async () => {
    const facts = await inspectModel(checkpointDirectory("qwen2-window"));
    expect(facts).toMatchObject({ slidingWindowLayerCount: 1, hasTiedEmbeddings: true });
  });

  it("counts the experts of a mixture", async () => {
    const { experts } = await inspectModel(checkpointDirectory("qwen2-moe"));
    expect(experts).toEqual({
      layerCount: 2,
      expertCount: 7,
      expertsPerToken: 3,
      intermediateSize: 24,
      sharedIntermediateSize: 48,
    });
    expect((await inspectModel(checkpointDirectory("qwen3"))).experts).toBeUndefined();
  });

  it("inspects a network that has no tokenizer", async () => {
    const files = createModelFiles({ "tokenizer.json": undefined });
    const facts = await inspectModel(modelDirectory, { files });
    expect(facts).toMatchObject({ layerCount: 2, tokenizerType: undefined, hasChatTemplate: false });
    expect(facts.textProblem).toMatchObject({ code: "FILE_MISSING" });
  });

  it("reports why tokenizer or template cannot be read", async () => {
    const files = createModelFiles({ "tokenizer.json": "{" });
    const { textProblem, layerCount } = await inspectModel(modelDirectory, { files });
    expect({ textProblem, layerCount }).toMatchObject({
      textProblem: { code: "INVALID_JSON" },
      layerCount: 2,
    });
    expect(files.openCount()).toBe(0);
  });

  it("fails where config or weights cannot be read", async () => {
    const files = createModelFiles({ "config.json": "{" });
    await expectModelError("INVALID_JSON", async () => inspectModel(modelDirectory, { files }));
    expect(files.openCount()).toBe(0);
  });
});
