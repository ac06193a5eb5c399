import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";
import { createRecordingBuilder } from "../support/recording-builder.ts";

const base = {
  architectures: ["FalconForCausalLM"],
  vocab_size: 65_024,
  hidden_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 4,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

function linesOf(config: ModelConfig): readonly string[] {
  const { builder, lines } = createRecordingBuilder();
  architectureFor(config).build(config, builder);
  return lines.map((line) => line.replaceAll("layers.0.", "").replaceAll("self_attn.", ""));
}

const groups = { new_decoder_architecture: true, num_kv_heads: 2 };

describe("Falcon", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      intermediateSize: 256,
      kvHeadCount: 1,
      contextTokens: 2048,
      activation: "gelu",
      norm: { kind: "layer", epsilon: 1e-5, hasBias: true },
      rotaries: [{ dim: 16, theta: 10_000 }],
      hasAttentionBias: { qkv: false, output: false },
      hasMlpBias: false,
      hasParallelBlocks: true,
      hasTiedEmbeddings: true,
      bosTokenId: 11,
      eosTokenIds: [11],
    });
  });

  it("has one head of keys, whatever num_kv_heads is, one for each query, or one for a group", () => {
    const kvHeadCount = (fields: object): number => parse(fields).kvHeadCount;
    expect(kvHeadCount({ num_kv_heads: 4 })).toBe(1);
    expect(kvHeadCount({ multi_query: false })).toBe(4);
    expect(kvHeadCount(groups)).toBe(2);
    expect(kvHeadCount({ new_decoder_architecture: true })).toBe(4);
  });

  it("gives attention and MLP the same norm", () => {
    expect(linesOf(parse({}))).toEqual([
      "0 = embed embed_tokens",
      "1 = layer norm 0 input_layernorm + input_layernorm.bias 0.00001",
      "2 = linear 1 qkv_proj",
      "3 = slice 2 0 to 64 of 1 groups",
      "4 = slice 2 64 to 80 of 1 groups",
      "5 = slice 2 80 to 96 of 1 groups",
      "6 = attention 3 4 5 layer 0 heads 4/1×16 scale 0.25 rotation 0",
      "7 = linear 6 o_proj",
      "8 = add 0 7",
      "9 = linear 1 mlp.up_proj",
      "10 = gelu 9",
      "11 = linear 10 mlp.down_proj",
      "12 = add 8 11",
      "13 = layer norm 12 norm + norm.bias 0.00001",
      "14 = logits 13 embed_tokens",
    ]);
  });

  it("has two norms, or one, and groups of queries in the newer architecture", () => {
    const lines = linesOf(parse(groups));
    expect(lines.slice(1, 7)).toEqual([
      "1 = layer norm 0 input_layernorm + input_layernorm.bias 0.00001",
      "2 = layer norm 0 attention_layernorm + attention_layernorm.bias 0.00001",
      "3 = linear 2 qkv_proj",
      "4 = slice 3 0 to 32 of 2 groups",
      "5 = slice 3 32 to 48 of 2 groups",
      "6 = slice 3 48 to 64 of 2 groups",
    ]);
    expect(lines[10]).toBe("10 = linear 1 mlp.up_proj");
    expect(linesOf(parse({ ...groups, num_ln_in_parallel_attn: 1 }))[2]).toBe("2 = linear 1 qkv_proj");
  });

  it("has the MLP after attention, and biases, where the config says so", () => {
    const lines = linesOf(parse({ parallel_attn: false, bias: true }));
    expect(lines[2]).toBe("2 = linear 1 qkv_proj + qkv_proj.bias");
    expect(lines[9]).toContain("layer norm 8 post_attention_layernorm");
    expect(lines[10]).toBe("10 = linear 9 mlp.up_proj + mlp.up_proj.bias");
  });

  it("refuses alibi", async () => {
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () => parse({ alibi: true }));
    expect(error.field).toBe("alibi");
  });

  it("refuses another number of norms", async () => {
    const fields = { ...groups, num_ln_in_parallel_attn: 3 };
    const error = await expectModelError("INVALID_CONFIG", () => parse(fields));
    expect(error.field).toBe("num_ln_in_parallel_attn");
  });
});
