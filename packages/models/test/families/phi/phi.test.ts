import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { expectModelError } from "../../support/model-error.ts";
import { createRecordingBuilder } from "../../support/recording-builder.ts";

const base = {
  architectures: ["PhiForCausalLM"],
  vocab_size: 51_200,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 1,
  num_attention_heads: 4,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("Phi", () => {
  it("has the defaults of its config class", () => {
    expect(parse({ num_key_value_heads: null })).toMatchObject({
      kvHeadCount: 4,
      contextTokens: 2048,
      activation: "gelu_tanh",
      norm: { kind: "layer", epsilon: 1e-5, hasBias: true },
      rotaries: [{ dim: 8, theta: 10_000 }],
      hasAttentionBias: { qkv: true, output: true },
      hasMlpBias: true,
      hasHeadBias: true,
      hasTiedEmbeddings: false,
      bosTokenId: 1,
      eosTokenIds: [2],
    });
  });

  it("reads the part of a head that rotates, in both spellings", () => {
    const rope_parameters = { rope_type: "default", rope_theta: 2e4, partial_rotary_factor: 0.25 };
    expect(parse({ partial_rotary_factor: 0.375 }).rotaries).toMatchObject([{ dim: 6 }]);
    expect(parse({ rope_parameters }).rotaries).toMatchObject([{ dim: 4, theta: 2e4 }]);
  });

  it("has no begin or end where the config says null, as Phi-1 does", () => {
    const config = parse({ bos_token_id: null, eos_token_id: null });
    expect(config).toMatchObject({ bosTokenId: undefined, eosTokenIds: [] });
  });

  it("gives attention and MLP the same norm, and has biases everywhere", () => {
    const { builder, lines } = createRecordingBuilder();
    const config = parse({});
    architectureFor(config).build(config, builder);
    const projection = (x: number, name: string): string =>
      `linear ${x} layers.0.${name} + layers.0.${name}.bias`;
    expect(lines).toEqual([
      "0 = embed embed_tokens",
      "1 = layer norm 0 layers.0.input_layernorm + layers.0.input_layernorm.bias 0.00001",
      `2 = ${projection(1, "self_attn.q_proj")}`,
      `3 = ${projection(1, "self_attn.k_proj")}`,
      `4 = ${projection(1, "self_attn.v_proj")}`,
      "5 = attention 2 3 4 layer 0 heads 4/4×16 scale 0.25 rotation 0",
      `6 = ${projection(5, "self_attn.o_proj")}`,
      "7 = add 0 6",
      `8 = ${projection(1, "mlp.up_proj")}`,
      "9 = gelu_tanh 8",
      `10 = ${projection(9, "mlp.down_proj")}`,
      "11 = add 7 10",
      "12 = layer norm 11 norm + norm.bias 0.00001",
      "13 = logits 12 lm_head + lm_head.bias",
    ]);
  });

  it("refuses norms of queries and keys", async () => {
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () => parse({ qk_layernorm: true }));
    expect(error.field).toBe("qk_layernorm");
  });
});
