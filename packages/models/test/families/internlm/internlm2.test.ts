import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { createRecordingBuilder } from "../../support/recording-builder.ts";

const base = {
  architectures: ["InternLM2ForCausalLM"],
  vocab_size: 92_544,
  hidden_size: 96,
  intermediate_size: 128,
  num_hidden_layers: 1,
  num_attention_heads: 6,
  num_key_value_heads: 2,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("InternLM 2", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      contextTokens: 2048,
      norm: { kind: "rms", epsilon: 1e-6 },
      rotaries: [{ theta: 10_000 }],
      hasAttentionBias: { qkv: true, output: true },
      hasMlpBias: false,
      hasTiedEmbeddings: false,
    });
    expect(parse({ bias: false }).hasAttentionBias).toEqual({ qkv: false, output: false });
  });

  it("takes queries, keys and values of one product, by head of keys", () => {
    const { builder, lines } = createRecordingBuilder();
    const config = parse({ bias: false });
    architectureFor(config).build(config, builder);
    expect(lines.slice(2, 7)).toEqual([
      "2 = linear 1 layers.0.self_attn.qkv_proj",
      "3 = slice 2 0 to 48 of 2 groups",
      "4 = slice 2 48 to 64 of 2 groups",
      "5 = slice 2 64 to 80 of 2 groups",
      "6 = attention 3 4 5 layer 0 heads 6/2×16 scale 0.25 rotation 0",
    ]);
  });
});
