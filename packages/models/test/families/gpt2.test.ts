import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { listProducts } from "../../src/network/list-products.ts";
import { expectModelError } from "../support/model-error.ts";
import { createRecordingBuilder } from "../support/recording-builder.ts";

const base = {
  architectures: ["GPT2LMHeadModel"],
  vocab_size: 50_257,
  n_embd: 64,
  n_layer: 1,
  n_head: 4,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

function linesOf(config: ModelConfig): readonly string[] {
  const { builder, lines } = createRecordingBuilder();
  architectureFor(config).build(config, builder);
  return lines.map((line) => line.replaceAll("layers.0.", ""));
}

describe("GPT-2", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      hiddenSize: 64,
      intermediateSize: 256,
      kvHeadCount: 4,
      headDim: 16,
      contextTokens: 1024,
      activation: "gelu_tanh",
      norm: { kind: "layer", epsilon: 1e-5, hasBias: true },
      rotaries: [],
      layerRotary: [undefined],
      hasPositionTable: true,
      attentionScale: 0.25,
      hasAttentionBias: { qkv: true, output: true },
      hasMlpBias: true,
      hasTiedEmbeddings: true,
      bosTokenId: 50_256,
      eosTokenIds: [50_256],
    });
  });

  it("reads fields under its own names, and under the common ones", () => {
    const own = { n_positions: 512, n_ctx: 512, n_inner: 96, activation_function: "gelu" };
    expect(parse(own)).toMatchObject({ contextTokens: 512, intermediateSize: 96, activation: "gelu" });
    expect(parse({ n_inner: null }).intermediateSize).toBe(256);
    const { n_embd: hidden_size, n_layer: num_hidden_layers, ...rest } = base;
    const common = { ...rest, hidden_size, num_hidden_layers, max_position_embeddings: 96 };
    expect(parseModelConfig({ config: common })).toMatchObject({ hiddenSize: 64, contextTokens: 96 });
    expect(parse({ scale_attn_weights: false, reorder_and_upcast_attn: true }).attentionScale).toBe(1);
  });

  it("names a field as its file does", async () => {
    const error = await expectModelError("INVALID_CONFIG", () => parse({ n_layer: 0 }));
    expect(error.message).toBe('config.json: "n_layer": expected an integer from 1 to 4096, got 0');
  });

  it("adds embeddings of positions, and has one product for queries, keys and values", () => {
    expect(linesOf(parse({}))).toEqual([
      "0 = embed embed_tokens",
      "1 = embed positions embed_positions",
      "2 = add 0 1",
      "3 = layer norm 2 input_layernorm + input_layernorm.bias 0.00001",
      "4 = linear 3 self_attn.qkv_proj + self_attn.qkv_proj.bias",
      "5 = slice 4 0 to 64 of 1 groups",
      "6 = slice 4 64 to 128 of 1 groups",
      "7 = slice 4 128 to 192 of 1 groups",
      "8 = attention 5 6 7 layer 0 heads 4/4×16 scale 0.25 no rotation",
      "9 = linear 8 self_attn.o_proj + self_attn.o_proj.bias",
      "10 = add 2 9",
      "11 = layer norm 10 post_attention_layernorm + post_attention_layernorm.bias 0.00001",
      "12 = linear 11 mlp.up_proj + mlp.up_proj.bias",
      "13 = gelu_tanh 12",
      "14 = linear 13 mlp.down_proj + mlp.down_proj.bias",
      "15 = add 10 14",
      "16 = layer norm 15 norm + norm.bias 0.00001",
      "17 = logits 16 embed_tokens",
    ]);
  });

  it("has keys and values in the product of all three", () => {
    const config = parse({});
    const sensitive = listProducts(architectureFor(config), config).filter(({ isSensitive }) => isSensitive);
    expect(sensitive.map(({ weight }) => weight.name)).toEqual([
      "model.layers.0.self_attn.qkv_proj.weight",
      "model.embed_tokens.weight",
    ]);
  });

  it.each(["scale_attn_by_inverse_layer_idx", "add_cross_attention"])("refuses %s", async (name) => {
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () => parse({ [name]: true }));
    expect(error.field).toBe(name);
  });
});
