import { readExperts } from "../../config/read-experts.ts";
import { oneRotary, type RotaryRule } from "../../config/read-rotary.ts";
import { buildMixtureDecoder, type ExpertNames } from "../../network/decoders/mixture-of-experts.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

const block = "block_sparse_moe";
const names: ExpertNames = { block, gate: "w1", up: "w3", down: "w2" };

/** Mixtral: Mistral's network with experts in every layer. @see transformers, `modeling_mixtral.py` */
export const mixtral: Family = {
  name: "mixtral",
  architecture: "MixtralForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 8, headDim: undefined },
    contextTokens: 131_072,
    norm: { ...commonRules.norm, epsilon: 1e-5 },
    slidingWindow: "all-layers",
    rotary: readRotary,
  },
  resolve: (fields, { layerCount, intermediateSize, slidingWindowTokens }) => {
    const rules = {
      count: ["num_local_experts", 8],
      perToken: ["num_experts_per_tok", 2],
      intermediateSize: ["intermediate_size", intermediateSize],
    } as const;
    return {
      experts: { ...readExperts(fields, rules, layerCount), areWeightsNormalized: true },
      // No window is the default, unlike Mistral's.
      slidingWindowTokens: fields.has("sliding_window")
        ? slidingWindowTokens
        : slidingWindowTokens.map(() => undefined),
    };
  },
  build: (config, builder) => {
    buildMixtureDecoder(config, builder, names);
  },
  gguf: {
    architecture: "llama",
    hasExperts: true,
    layerTensors: {
      ffn_gate_inp: `${block}.gate`,
      ffn_gate_exps: `${block}.experts.*.${names.gate}`,
      ffn_up_exps: `${block}.experts.*.${names.up}`,
      ffn_down_exps: `${block}.experts.*.${names.down}`,
    },
    fieldKeys: { num_local_experts: "expert_count", num_experts_per_tok: "expert_used_count" },
    resolve: () => ({ hasInterleavedRope: true }),
  },
};

/** The base of the rotation is another one where the config has none. */
function readRotary(...[config, shape]: Parameters<RotaryRule>): ReturnType<RotaryRule> {
  const { rotaries, layerRotary } = oneRotary(config, shape);
  const holders = [config, config.object("rope_scaling"), config.object("rope_parameters")];
  if (holders.some((fields) => fields?.has("rope_theta"))) return { rotaries, layerRotary };
  return { rotaries: rotaries.map(({ dim, scaling }) => ({ dim, scaling, theta: 1e6 })), layerRotary };
}
