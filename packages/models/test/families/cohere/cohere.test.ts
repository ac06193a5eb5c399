import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { collectWeightRefs } from "../../../src/network/collect-weight-refs.ts";
import { createRecordingBuilder } from "../../support/recording-builder.ts";

const base = {
  architectures: ["CohereForCausalLM"],
  vocab_size: 256_000,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 1,
  num_attention_heads: 4,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("Cohere's Command R", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 4,
      contextTokens: 8192,
      norm: { kind: "layer", epsilon: 1e-5, hasBias: false },
      hasInterleavedRope: true,
      hasTiedEmbeddings: true,
      rotaries: [{ dim: 16, theta: 500_000 }],
      scales: { embedding: 1, residual: 1, logits: 0.0625 },
      bosTokenId: 5,
      eosTokenIds: [255_001],
    });
    expect(parse({ rope_theta: 8e6 }).rotaries[0]?.theta).toBe(8e6);
    expect(parse({ logit_scale: 0.8 }).scales.logits).toBe(0.8);
  });

  it("gives attention and MLP the same norm", () => {
    const { builder, lines } = createRecordingBuilder();
    const config = parse({});
    architectureFor(config).build(config, builder);
    expect(lines.slice(1)).toEqual([
      "1 = layer norm 0 layers.0.input_layernorm 0.00001",
      "2 = linear 1 layers.0.self_attn.q_proj",
      "3 = linear 1 layers.0.self_attn.k_proj",
      "4 = linear 1 layers.0.self_attn.v_proj",
      "5 = attention 2 3 4 layer 0 heads 4/4×16 scale 0.25 rotation 0",
      "6 = linear 5 layers.0.self_attn.o_proj",
      "7 = add 0 6",
      "8 = linear 1 layers.0.mlp.gate_proj",
      "9 = linear 1 layers.0.mlp.up_proj",
      "10 = silu 8",
      "11 = multiply 10 9",
      "12 = linear 11 layers.0.mlp.down_proj",
      "13 = add 7 12",
      "14 = layer norm 13 norm 0.00001",
      "15 = scale 14 0.0625",
      "16 = logits 15 embed_tokens",
    ]);
  });

  it("normalizes each head of Command R+ with weights of its own", () => {
    const { builder, lines } = createRecordingBuilder();
    const config = parse({ use_qk_norm: true });
    architectureFor(config).build(config, builder);
    expect(lines[3]).toBe("3 = layer norm 2 layers.0.self_attn.q_norm 0.00001");
    expect(collectWeightRefs(architectureFor(config), config)).toContainEqual([
      "model.layers.0.self_attn.q_norm.weight",
      { name: "model.layers.0.self_attn.q_norm.weight", shape: [4, 16] },
    ]);
  });
});
