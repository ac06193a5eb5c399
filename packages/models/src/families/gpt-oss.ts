import { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig, Rotary } from "../config/model-config.ts";
import { readExperts } from "../config/read-experts.ts";
import { type RotaryRule, sharedRotary } from "../config/read-rotary.ts";
import { layerTensor } from "../network/decoders/decoder-weights.ts";
import { buildSwigluMixture } from "../network/decoders/swiglu-mixture.ts";
import type { FusedWeight } from "../network/split-fused-weights.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

const defaultWindow = 128;
const maxLimit = 1e6;
const onlyAlpha = 1.702;
const readYarn = sharedRotary({ theta: 150_000 });

/** gpt-oss: experts in every layer, windows in every second one, and sinks of attention. @see transformers, `modeling_gpt_oss.py` */
export const gptOss: Family = {
  name: "gpt_oss",
  architecture: "GptOssForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 8, headDim: 64 },
    contextTokens: 131_072,
    bosTokenId: undefined,
    eosTokenId: undefined,
    norm: { ...commonRules.norm, epsilon: 1e-5 },
    slidingWindow: { allButEvery: 2 },
    rotary: readRotary,
  },
  resolve: (fields, { layerCount, intermediateSize, slidingWindowTokens }) => {
    const hasBias = fields.boolean("attention_bias", true);
    const isDefaultWindow = fields.raw("sliding_window") === undefined;
    return {
      hasAttentionBias: { qkv: hasBias, output: hasBias },
      hasAttentionSinks: true,
      slidingWindowTokens: isDefaultWindow
        ? slidingWindowTokens.map((window) => window && defaultWindow)
        : slidingWindowTokens,
      experts: {
        ...readExperts(
          fields,
          {
            count: ["num_local_experts", 128],
            perToken: ["num_experts_per_tok", 4],
            intermediateSize: ["intermediate_size", intermediateSize],
          },
          layerCount,
        ),
        areWeightsNormalized: true,
        hasInterleavedGateUp: true,
        swigluLimit: readLimit(fields),
      },
    };
  },
  build: buildSwigluMixture,
  fusedWeights: listStacks,
  gguf: {
    architecture: "gpt-oss",
    hasExperts: true,
    layerTensors: {
      "attn_sinks.weight": "self_attn.sinks",
      post_attention_norm: "post_attention_layernorm",
      ffn_gate_inp: "mlp.router",
      ffn_gate_exps: "mlp.experts.*.gate_proj",
      ffn_up_exps: "mlp.experts.*.up_proj",
      ffn_down_exps: "mlp.experts.*.down_proj",
    },
    fieldKeys: {
      intermediate_size: "expert_feed_forward_length",
      num_local_experts: "expert_count",
      num_experts_per_tok: "expert_used_count",
      sliding_window: "attention.sliding_window",
    },
    // The converter takes gate and up apart, and no key says that pairs of the rotation are not counted in whole numbers.
    resolve: ({ experts, rotaries }) => ({
      experts: experts && { ...experts, hasInterleavedGateUp: false },
      rotaries: rotaries.map(withoutTruncation),
    }),
  },
};

/** A config without any rotation has that of the models that were published. */
function readRotary(...[config, shape]: Parameters<RotaryRule>): ReturnType<RotaryRule> {
  if (config.has("rope_scaling") || config.has("rope_parameters")) return readYarn(config, shape);
  const theta = config.raw("rope_theta") ?? 150_000;
  const published = {
    rope_type: "yarn",
    factor: 32,
    beta_fast: 32,
    beta_slow: 1,
    truncate: false,
    original_max_position_embeddings: 4096,
  };
  return readYarn(new ConfigFields({ rope_theta: theta, rope_scaling: published }, "config.json"), shape);
}

function withoutTruncation(rotary: Rotary): Rotary {
  const { scaling } = rotary;
  return scaling.type === "yarn" ? { ...rotary, scaling: { ...scaling, isTruncated: false } } : rotary;
}

/** @throws ModelError `INVALID_CONFIG`, also for a gain that the executors' activation has not */
function readLimit(fields: ConfigFields): number {
  if (fields.has("swiglu_alpha") && fields.raw("swiglu_alpha") !== onlyAlpha) {
    throw fields.invalid("swiglu_alpha", String(onlyAlpha));
  }
  return fields.has("swiglu_limit") ? fields.number("swiglu_limit", { above: 0, max: maxLimit }) : 7;
}

/** The matrices of all experts of a layer are one tensor, and their biases another. */
function listStacks({ layerCount, experts }: ModelConfig): readonly FusedWeight[] {
  const indices = Array.from({ length: experts?.expertCount ?? 0 }, (_, index) => index);
  const stack = (layerIndex: number, name: string, ending: string): FusedWeight => ({
    name: layerTensor(layerIndex, `mlp.experts.${name}${ending}`, []).name,
    layout: "stack-of-transposed",
    parts: indices.map((index) => ({
      name: layerTensor(layerIndex, `mlp.experts.${index}.${name}.${ending === "" ? "weight" : "bias"}`, [])
        .name,
      rowCount: 1,
    })),
  });
  return Array.from({ length: layerCount }, (_, layerIndex) =>
    ["gate_up_proj", "down_proj"].flatMap((name) => [
      stack(layerIndex, name, ""),
      stack(layerIndex, name, "_bias"),
    ]),
  ).flat();
}
