import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { textTensorName } from "../../src/families/text-parts.ts";
import { expectModelError } from "../support/model-error.ts";

const gemma = {
  architectures: ["Gemma3ForConditionalGeneration"],
  eos_token_id: [1, 106],
  model_type: "gemma3",
  text_config: {
    hidden_size: 2560,
    intermediate_size: 10_240,
    model_type: "gemma3_text",
    num_hidden_layers: 6,
    rope_scaling: { factor: 8, rope_type: "linear" },
    sliding_window: 1024,
  },
  torch_dtype: "bfloat16",
  vision_config: { hidden_size: 1152 },
};
const text = {
  vocab_size: 320,
  hidden_size: 48,
  intermediate_size: 72,
  num_hidden_layers: 2,
  num_attention_heads: 4,
};
const mistral = { architectures: ["Mistral3ForConditionalGeneration"], text_config: text };
const parse = (config: object): ModelConfig => parseModelConfig({ config });

describe("a config with one of text", () => {
  it("is that of a Gemma 3 of 4B, whose config leaves out what its class has as defaults", () => {
    expect(parse(gemma)).toMatchObject({
      family: "gemma3_text",
      architecture: "Gemma3ForConditionalGeneration",
      vocabSize: 262_208,
      headCount: 8,
      kvHeadCount: 4,
      headDim: 256,
      contextTokens: 131_072,
      attentionScale: 1 / 16,
      slidingWindowTokens: [1024, 1024, 1024, 1024, 1024, undefined],
      rotaries: [
        { theta: 1e4, scaling: { type: "none" } },
        { theta: 1e6, scaling: { type: "linear", factor: 8 } },
      ],
      hasTiedEmbeddings: true,
      eosTokenIds: [1, 106],
      storedDtype: "bfloat16",
    });
  });

  it("is that of a Mistral Small 3.1, also where it names no family", () => {
    const wanted = { family: "mistral", hasTiedEmbeddings: false, headCount: 4, kvHeadCount: 4 };
    const heads = { num_key_value_heads: 4 };
    expect(parse({ ...mistral, text_config: { ...text, ...heads } })).toMatchObject(wanted);
    const tied = { ...text, ...heads, model_type: "mistral", tie_word_embeddings: true };
    expect(parse({ ...mistral, text_config: tied }).hasTiedEmbeddings).toBe(true);
    expect(parse({ ...mistral, text_config: tied, tie_word_embeddings: false }).hasTiedEmbeddings).toBe(
      false,
    );
  });

  it("is that of a Ministral 3", () => {
    const rope = { rope_type: "yarn", factor: 16, original_max_position_embeddings: 16_384 };
    const ministral = { ...text, model_type: "ministral3", num_key_value_heads: 2, rope_parameters: rope };
    const wanted = { family: "ministral3", headDim: 128, queryScaling: undefined };
    expect(parse({ ...mistral, text_config: ministral })).toMatchObject(wanted);
    const scaled = { ...rope, llama_4_scaling_beta: 0.1 };
    expect(
      parse({ ...mistral, text_config: { ...ministral, rope_parameters: scaled } }).queryScaling,
    ).toEqual({ beta: 0.1, originalContextTokens: 16_384 });
  });

  it("refuses a text of another family, and a config without one", async () => {
    const other = { ...mistral, text_config: { ...text, model_type: "mistral4" } };
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () => parse(other));
    expect(error.field).toBe("text_config.model_type");
    const without = await expectModelError("INVALID_CONFIG", () => parse({ ...gemma, text_config: null }));
    expect(without.field).toBe("text_config");
  });

  it("refuses models of images whose text is not served, by name", async () => {
    const architectures = ["LlavaForConditionalGeneration"];
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () =>
      parse({ ...gemma, architectures }),
    );
    expect(error.message).toContain("LlavaForConditionalGeneration");
    expect(error.message).toContain("Gemma3ForConditionalGeneration");
  });
});

it.each([
  ["language_model.model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"],
  ["language_model.lm_head.weight", "lm_head.weight"],
  ["model.language_model.norm.weight", "model.norm.weight"],
  ["lm_head.weight", "lm_head.weight"],
  ["vision_tower.vision_model.embeddings.position_embedding.weight", undefined],
  ["model.multi_modal_projector.linear_1.weight", undefined],
])("names %s as the network does", (stored, name) => {
  expect(textTensorName(stored)).toBe(name);
});
