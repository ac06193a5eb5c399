import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";
import { createRecordingBuilder } from "../support/recording-builder.ts";

const base = {
  architectures: ["Starcoder2ForCausalLM"],
  vocab_size: 49_152,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 1,
  num_attention_heads: 4,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("StarCoder 2", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 2,
      contextTokens: 4096,
      activation: "gelu_tanh",
      norm: { kind: "layer", epsilon: 1e-5, hasBias: true },
      hasAttentionBias: { qkv: true, output: true },
      hasMlpBias: true,
      hasTiedEmbeddings: true,
      slidingWindowTokens: [undefined],
      bosTokenId: 50_256,
      eosTokenIds: [50_256],
    });
  });

  it("reads biases and the window", () => {
    expect(parse({ use_bias: false })).toMatchObject({
      hasAttentionBias: { qkv: false, output: false },
      hasMlpBias: false,
      norm: { hasBias: true },
    });
    expect(parse({ sliding_window: 4096 }).slidingWindowTokens).toEqual([4096]);
    expect(parse({ sliding_window: null }).slidingWindowTokens).toEqual([undefined]);
  });

  it("has layer norms and an MLP without a gate", () => {
    const { builder, lines } = createRecordingBuilder();
    const config = parse({});
    architectureFor(config).build(config, builder);
    const layer = "layers.0";
    expect(lines.slice(1)).toEqual([
      `1 = layer norm 0 ${layer}.input_layernorm + ${layer}.input_layernorm.bias 0.00001`,
      `2 = linear 1 ${layer}.self_attn.q_proj + ${layer}.self_attn.q_proj.bias`,
      `3 = linear 1 ${layer}.self_attn.k_proj + ${layer}.self_attn.k_proj.bias`,
      `4 = linear 1 ${layer}.self_attn.v_proj + ${layer}.self_attn.v_proj.bias`,
      "5 = attention 2 3 4 layer 0 heads 4/2×16 scale 0.25 rotation 0",
      `6 = linear 5 ${layer}.self_attn.o_proj + ${layer}.self_attn.o_proj.bias`,
      "7 = add 0 6",
      `8 = layer norm 7 ${layer}.post_attention_layernorm + ${layer}.post_attention_layernorm.bias 0.00001`,
      `9 = linear 8 ${layer}.mlp.c_fc + ${layer}.mlp.c_fc.bias`,
      "10 = gelu_tanh 9",
      `11 = linear 10 ${layer}.mlp.c_proj + ${layer}.mlp.c_proj.bias`,
      "12 = add 7 11",
      "13 = layer norm 12 norm + norm.bias 0.00001",
      "14 = logits 13 embed_tokens",
    ]);
  });

  it("refuses a bias that is neither there nor not", async () => {
    const error = await expectModelError("INVALID_CONFIG", () => parse({ use_bias: 1 }));
    expect(error.field).toBe("use_bias");
  });
});
