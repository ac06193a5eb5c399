import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { architectureFor, parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { listProducts } from "../../src/network/list-products.ts";
import { checkpointDirectory, readJson } from "../support/fixtures.ts";
import { expectModelError } from "../support/model-error.ts";
import { createRecordingBuilder } from "../support/recording-builder.ts";

const base = {
  vocab_size: 32_000,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};
const parse = (architecture: string, fields: object = {}): ModelConfig =>
  parseModelConfig({ config: { ...base, architectures: [architecture], ...fields } });
const configOf = (name: string): ModelConfig =>
  parseModelConfig({ config: readJson(join(checkpointDirectory(name), "config.json")) });

describe("mixtures of experts", () => {
  it("have the defaults of their config classes", () => {
    const layers = [true, true, true, true];
    expect(parse("MixtralForCausalLM")).toMatchObject({
      norm: { epsilon: 1e-5 },
      rotaries: [{ theta: 1e6 }],
      slidingWindowTokens: [undefined, undefined, undefined, undefined],
      experts: {
        expertCount: 8,
        expertsPerToken: 2,
        intermediateSize: 96,
        areWeightsNormalized: true,
        sharedIntermediateSize: undefined,
        layers,
      },
    });
    expect(parse("OlmoeForCausalLM")).toMatchObject({
      qkNorm: "projection",
      eosTokenIds: [50_279],
      experts: {
        expertCount: 64,
        expertsPerToken: 8,
        intermediateSize: 96,
        areWeightsNormalized: false,
        layers,
      },
    });
    expect(parse("Qwen2MoeForCausalLM")).toMatchObject({
      hasAttentionBias: { qkv: true, output: false },
      experts: {
        expertCount: 60,
        expertsPerToken: 4,
        intermediateSize: 1408,
        areWeightsNormalized: false,
        sharedIntermediateSize: 5632,
        layers,
      },
    });
    expect(parse("Qwen3MoeForCausalLM")).toMatchObject({
      qkNorm: "head",
      experts: {
        expertCount: 128,
        expertsPerToken: 8,
        intermediateSize: 768,
        areWeightsNormalized: false,
        sharedIntermediateSize: undefined,
        layers,
      },
    });
  });

  it("read which layers have experts, and what else the config says", () => {
    const fields = { decoder_sparse_step: 2, mlp_only_layers: [3], norm_topk_prob: true, qkv_bias: false };
    for (const architecture of ["Qwen2MoeForCausalLM", "Qwen3MoeForCausalLM"]) {
      expect(parse(architecture, fields).experts).toMatchObject({
        areWeightsNormalized: true,
        layers: [false, true, false, false],
      });
    }
    expect(parse("Qwen2MoeForCausalLM", fields).hasAttentionBias.qkv).toBe(false);
    expect(parse("MixtralForCausalLM", { sliding_window: 9 }).slidingWindowTokens).toEqual([9, 9, 9, 9]);
    expect(parse("MixtralForCausalLM", { rope_theta: 5e5 }).rotaries).toMatchObject([{ theta: 5e5 }]);
  });

  it.each([
    ["MixtralForCausalLM", { num_local_experts: 0 }, "num_local_experts"],
    ["MixtralForCausalLM", { num_local_experts: 3, num_experts_per_tok: 4 }, "num_experts_per_tok"],
    ["OlmoeForCausalLM", { clip_qkv: 8 }, "clip_qkv"],
    ["Qwen2MoeForCausalLM", { use_sliding_window: true }, "use_sliding_window"],
    ["Qwen3MoeForCausalLM", { use_sliding_window: true }, "use_sliding_window"],
    ["Qwen3MoeForCausalLM", { mlp_only_layers: 3 }, "mlp_only_layers"],
    ["Qwen3MoeForCausalLM", { decoder_sparse_step: 0 }, "decoder_sparse_step"],
  ])("of %s refuse %o", async (architecture, fields, field) => {
    const error = await expectModelError("INVALID_CONFIG", () => parse(architecture, fields));
    expect(error.field).toBe(field);
  });

  it("send tokens to experts by a projection, and add one that all take through a gate", () => {
    const config = configOf("qwen2-moe");
    const { builder, lines } = createRecordingBuilder();
    architectureFor(config).build(config, builder);
    const mlp = (from: number, x: number, name: string): readonly string[] => [
      `${from} = linear ${x} layers.0.mlp.${name}.gate_proj`,
      `${from + 1} = linear ${x} layers.0.mlp.${name}.up_proj`,
      `${from + 2} = silu ${from}`,
      `${from + 3} = multiply ${from + 2} ${from + 1}`,
      `${from + 4} = linear ${from + 3} layers.0.mlp.${name}.down_proj`,
    ];
    expect(lines.slice(8, 53)).toEqual([
      "8 = rms norm 7 layers.0.post_attention_layernorm 0.000001",
      "9 = linear 8 layers.0.mlp.gate",
      "10 = 3 experts by 9 for 8",
      ...Array.from({ length: 7 }, (_, index) => mlp(11 + 5 * index, 10, `experts.${index}`)).flat(),
      "46 = plain sum of experts 15 20 25 30 35 40 45",
      ...mlp(47, 8, "shared_expert"),
      "52 = linear 8 layers.0.mlp.shared_expert_gate",
    ]);
    expect(lines.slice(53, 57)).toEqual([
      "53 = sigmoid 52",
      "54 = multiply 51 53",
      "55 = add 46 54",
      "56 = add 7 55",
    ]);
  });

  it("are quantized but for what decides between experts", () => {
    const config = configOf("qwen2-moe");
    const names = listProducts(architectureFor(config), config).map(({ weight }) => weight.name);
    expect(names.filter((name) => name.includes("layers.0.mlp.experts."))).toHaveLength(21);
    expect(names).toContain("model.layers.0.mlp.shared_expert.up_proj.weight");
    expect(names.filter((name) => /mlp\.(gate|shared_expert_gate)\.weight$/.test(name))).toEqual([]);
  });
});
