import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../../src/index.ts";
import { createRecordingBuilder } from "../../support/recording-builder.ts";

const config = parseModelConfig({
  config: {
    architectures: ["Olmo2ForCausalLM"],
    vocab_size: 50_304,
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 1,
    num_attention_heads: 4,
  },
});

describe("OLMo 2", () => {
  it("has the defaults of its config class", () => {
    expect(config).toMatchObject({
      kvHeadCount: 4,
      norm: { kind: "rms", epsilon: 1e-5, weightOffset: 0, hasBias: false },
      qkNorm: "projection",
      bosTokenId: undefined,
      eosTokenIds: [50_279],
    });
  });

  it("normalizes all queries and all keys, and what attention and MLP add", () => {
    const { builder, lines } = createRecordingBuilder();
    architectureFor(config).build(config, builder);
    expect(lines).toEqual([
      "0 = embed embed_tokens",
      "1 = linear 0 layers.0.self_attn.q_proj",
      "2 = rms norm 1 layers.0.self_attn.q_norm 0.00001",
      "3 = linear 0 layers.0.self_attn.k_proj",
      "4 = rms norm 3 layers.0.self_attn.k_norm 0.00001",
      "5 = linear 0 layers.0.self_attn.v_proj",
      "6 = attention 2 4 5 layer 0 heads 4/4×16 scale 0.25 rotation 0",
      "7 = linear 6 layers.0.self_attn.o_proj",
      "8 = rms norm 7 layers.0.post_attention_layernorm 0.00001",
      "9 = add 0 8",
      "10 = linear 9 layers.0.mlp.gate_proj",
      "11 = linear 9 layers.0.mlp.up_proj",
      "12 = silu 10",
      "13 = multiply 12 11",
      "14 = linear 13 layers.0.mlp.down_proj",
      "15 = rms norm 14 layers.0.post_feedforward_layernorm 0.00001",
      "16 = add 9 15",
      "17 = rms norm 16 norm 0.00001",
      "18 = logits 17 lm_head",
    ]);
  });
});
