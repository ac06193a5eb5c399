import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { createRecordingBuilder } from "../support/recording-builder.ts";

const base = {
  architectures: ["StableLmForCausalLM"],
  vocab_size: 320,
  hidden_size: 2048,
  intermediate_size: 80,
  num_hidden_layers: 2,
  num_attention_heads: 32,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("StableLM", () => {
  it("has the defaults of its config class: a quarter of a head rotates", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 32,
      contextTokens: 4096,
      norm: { kind: "layer", epsilon: 1e-5, hasBias: true },
      rotaries: [{ dim: 16, theta: 10_000, scaling: { type: "none" } }],
      hasAttentionBias: { qkv: false, output: false },
      bosTokenId: 0,
      eosTokenIds: [0],
    });
    expect(parse({ use_qkv_bias: true }).hasAttentionBias).toEqual({ qkv: true, output: false });
    expect(parse({ partial_rotary_factor: 0.5 }).rotaries[0]?.dim).toBe(32);
  });

  it("gives MLP and attention of the one of 12B the same norm, and each head norms of its own", () => {
    const { builder, lines } = createRecordingBuilder();
    const heads = { num_attention_heads: 2, num_key_value_heads: 1 };
    const config = parse({ use_parallel_residual: true, qk_layernorm: true, ...heads });
    architectureFor(config).build(config, builder);
    const [q, k] = ["q", "k"].map((name) => `layers.0.self_attn.${name}_layernorm.norms`);
    expect(lines[3]).toBe(`3 = layer norm 2 [${q}.0, ${q}.1] 0.00001`);
    expect(lines[5]).toBe(`5 = layer norm 4 [${k}.0] 0.00001`);
    expect(lines[10]).toBe("10 = linear 1 layers.0.mlp.gate_proj");
  });
});
