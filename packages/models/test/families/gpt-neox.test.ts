import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { listProducts } from "../../src/network/list-products.ts";
import { expectModelError } from "../support/model-error.ts";
import { createRecordingBuilder } from "../support/recording-builder.ts";

const base = {
  architectures: ["GPTNeoXForCausalLM"],
  vocab_size: 50_304,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 1,
  num_attention_heads: 4,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

function linesOf(config: ModelConfig): readonly string[] {
  const { builder, lines } = createRecordingBuilder();
  architectureFor(config).build(config, builder);
  return lines.map((line) => line.replaceAll("layers.0.", ""));
}

describe("GPT-NeoX", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 4,
      contextTokens: 2048,
      activation: "gelu",
      norm: { kind: "layer", epsilon: 1e-5, hasBias: true },
      rotaries: [{ dim: 4, theta: 10_000 }],
      hasAttentionBias: { qkv: true, output: true },
      hasMlpBias: true,
      hasParallelBlocks: true,
      hasTiedEmbeddings: false,
      bosTokenId: 0,
      eosTokenIds: [2],
    });
    expect(parse({ rotary_pct: 0.5, rotary_emb_base: 5e4 }).rotaries).toMatchObject([{ dim: 8, theta: 5e4 }]);
    const rope_parameters = { rope_type: "default", rope_theta: 2e4, partial_rotary_factor: 1 };
    expect(parse({ rope_parameters }).rotaries).toMatchObject([{ dim: 16, theta: 2e4 }]);
  });

  it("takes queries, keys and values of one product, head by head, and MLP beside attention", () => {
    expect(linesOf(parse({}))).toEqual([
      "0 = embed embed_tokens",
      "1 = layer norm 0 input_layernorm + input_layernorm.bias 0.00001",
      "2 = linear 1 self_attn.qkv_proj + self_attn.qkv_proj.bias",
      "3 = slice 2 0 to 16 of 4 groups",
      "4 = slice 2 16 to 32 of 4 groups",
      "5 = slice 2 32 to 48 of 4 groups",
      "6 = attention 3 4 5 layer 0 heads 4/4×16 scale 0.25 rotation 0",
      "7 = linear 6 self_attn.o_proj + self_attn.o_proj.bias",
      "8 = add 0 7",
      "9 = layer norm 0 post_attention_layernorm + post_attention_layernorm.bias 0.00001",
      "10 = linear 9 mlp.up_proj + mlp.up_proj.bias",
      "11 = gelu 10",
      "12 = linear 11 mlp.down_proj + mlp.down_proj.bias",
      "13 = add 8 12",
      "14 = layer norm 13 norm + norm.bias 0.00001",
      "15 = logits 14 lm_head",
    ]);
  });

  it("takes MLP after attention, and the head from the embedding, where the config says so", () => {
    const lines = linesOf(parse({ use_parallel_residual: false, tie_word_embeddings: true }));
    expect(lines[9]).toContain("layer norm 8 post_attention_layernorm");
    expect(lines.at(-1)).toBe("15 = logits 14 embed_tokens");
  });

  it("has keys and values in the product of all three", () => {
    const config = parse({});
    const sensitive = listProducts(architectureFor(config), config).filter(({ isSensitive }) => isSensitive);
    expect(sensitive.map(({ weight }) => weight.name)).toEqual([
      "model.layers.0.self_attn.qkv_proj.weight",
      "lm_head.weight",
    ]);
  });

  it("rotates an even part of odd heads", async () => {
    const odd = { hidden_size: 45, num_attention_heads: 3 };
    expect(parse({ ...odd, rotary_pct: 0.4 })).toMatchObject({ headDim: 15, rotaries: [{ dim: 6 }] });
    const error = await expectModelError("UNSUPPORTED_ROPE_SCALING", () =>
      parse({ ...odd, rotary_pct: 0.5 }),
    );
    expect(error.message).toContain("a share of 15 features that is an even number of them");
  });

  it.each([
    ["num_key_value_heads", 2],
    ["head_dim", 32],
  ])("refuses a %s of its own", async (name, value) => {
    const error = await expectModelError("INVALID_CONFIG", () => parse({ [name]: value }));
    expect(error.field).toBe(name);
  });
});
