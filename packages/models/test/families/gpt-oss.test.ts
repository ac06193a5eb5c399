import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { listProducts } from "../../src/network/list-products.ts";
import { expectModelError } from "../support/model-error.ts";
import { createRecordingBuilder } from "../support/recording-builder.ts";

const base = {
  architectures: ["GptOssForCausalLM"],
  vocab_size: 201_088,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 3,
  num_attention_heads: 8,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("gpt-oss", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      headDim: 64,
      kvHeadCount: 8,
      contextTokens: 131_072,
      norm: { kind: "rms", epsilon: 1e-5 },
      rotaries: [
        {
          dim: 64,
          theta: 150_000,
          scaling: {
            type: "yarn",
            factor: 32,
            betaFast: 32,
            betaSlow: 1,
            isTruncated: false,
            originalContextTokens: 4096,
          },
        },
      ],
      slidingWindowTokens: [128, undefined, 128],
      hasAttentionBias: { qkv: true, output: true },
      hasAttentionSinks: true,
      hasTiedEmbeddings: false,
      experts: {
        expertCount: 128,
        expertsPerToken: 4,
        intermediateSize: 96,
        areWeightsNormalized: true,
        hasInterleavedGateUp: true,
        swigluLimit: 7,
        layers: [true, true, true],
      },
    });
  });

  it("reads windows, rotation and end tokens as published files spell them", () => {
    const rotation = { factor: 8, rope_type: "yarn", original_max_position_embeddings: 64, truncate: false };
    const config = {
      ...base,
      eos_token_id: 200_002,
      layer_types: ["full_attention", "sliding_attention", "full_attention"],
      num_local_experts: 32,
      rope_scaling: rotation,
      rope_theta: 5e4,
      sliding_window: 9,
      swiglu_limit: 3,
    };
    const generationConfig = { bos_token_id: 199_998, eos_token_id: [200_002, 199_999, 200_012] };
    expect(parseModelConfig({ config, generationConfig })).toMatchObject({
      bosTokenId: 199_998,
      eosTokenIds: [200_002, 199_999, 200_012],
      slidingWindowTokens: [undefined, 9, undefined],
      rotaries: [{ theta: 5e4, scaling: { factor: 8, isTruncated: false } }],
      experts: { expertCount: 32, swigluLimit: 3 },
    });
    const newer = { rope_parameters: { ...rotation, rope_theta: 7e4 } };
    expect(parse(newer).rotaries).toMatchObject([{ theta: 7e4, scaling: { factor: 8 } }]);
  });

  it.each([
    [{ swiglu_alpha: 1.5 }, "swiglu_alpha"],
    [{ swiglu_limit: 0 }, "swiglu_limit"],
    [{ num_local_experts: 3 }, "num_experts_per_tok"],
  ])("refuses %o", async (fields, field) => {
    const error = await expectModelError("INVALID_CONFIG", () => parse(fields));
    expect(error.field).toBe(field);
  });

  it("has sinks, biases, and experts whose gate and up are limited", () => {
    const config = parse({
      head_dim: 16,
      num_key_value_heads: 2,
      num_hidden_layers: 1,
      num_local_experts: 2,
      num_experts_per_tok: 1,
    });
    const { builder, lines } = createRecordingBuilder();
    architectureFor(config).build(config, builder);
    const expert = (index: number, from: number): readonly string[] => [
      `${from} = linear 10 layers.0.mlp.experts.${index}.gate_up_proj + layers.0.mlp.experts.${index}.gate_up_proj.bias`,
      `${from + 1} = slice ${from} 0 to 1 of 96 groups`,
      `${from + 2} = slice ${from} 1 to 2 of 96 groups`,
      `${from + 3} = clip ${from + 1} from undefined to 7`,
      `${from + 4} = clip ${from + 2} from -7 to 7`,
      `${from + 5} = quick_gelu ${from + 3}`,
      `${from + 6} = multiply ${from + 4} ${from + 5}`,
      `${from + 7} = add ${from + 6} ${from + 5}`,
      `${from + 8} = linear ${from + 7} layers.0.mlp.experts.${index}.down_proj + layers.0.mlp.experts.${index}.down_proj.bias`,
    ];
    expect(lines.slice(5, 29)).toEqual(
      [
        "5 = attention 2 3 4 layer 0 heads 8/2×16 scale 0.25 window 128 sinks layers.0.self_attn.sinks rotation 0",
        "6 = linear 5 layers.0.self_attn.o_proj + layers.0.self_attn.o_proj.bias",
        "7 = add 0 6",
        "8 = rms norm 7 layers.0.post_attention_layernorm 0.00001",
        "9 = linear 8 layers.0.mlp.router + layers.0.mlp.router.bias",
        "10 = 1 experts by 9 for 8",
        ...expert(0, 11),
        ...expert(1, 20),
      ].slice(0, 25),
    );
    expect(lines.at(29)).toBe("29 = normalized sum of experts 19 28");
    const products = listProducts(architectureFor(config), config).map(({ weight }) => weight.name);
    expect(products).toContain("model.layers.0.mlp.experts.1.gate_up_proj.weight");
    expect(products.filter((name) => name.includes("router"))).toEqual([]);
  });
});
