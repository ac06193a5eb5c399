import type { ConfigFields } from "../../config/config-fields.ts";
import { configLimits } from "../../config/config-limits.ts";
import { readExperts, readSparseLayers } from "../../config/read-experts.ts";
import { buildMixtureDecoder } from "../../network/decoders/mixture-of-experts.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";
import { ggufExpertFields, ggufExperts } from "../gguf-experts.ts";

const defaultSharedSize = 5632;

/** Qwen1.5-MoE and Qwen2-MoE: Qwen2's network with experts, and one that all tokens take. @see transformers, `modeling_qwen2_moe.py` */
export const qwen2Moe: Family = {
  name: "qwen2_moe",
  architecture: "Qwen2MoeForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 16, headDim: undefined },
    contextTokens: 32_768,
    bosTokenId: undefined,
    eosTokenId: undefined,
    attentionBias: "qkv",
  },
  resolve: (fields, { layerCount }) => {
    assertNoWindows(fields);
    const rules = {
      count: ["num_experts", 60],
      perToken: ["num_experts_per_tok", 4],
      intermediateSize: ["moe_intermediate_size", 1408],
    } as const;
    return {
      hasAttentionBias: { qkv: fields.boolean("qkv_bias", true), output: false },
      experts: {
        ...readExperts(fields, rules, layerCount),
        areWeightsNormalized: fields.boolean("norm_topk_prob", false),
        sharedIntermediateSize: fields.has("shared_expert_intermediate_size")
          ? fields.integer("shared_expert_intermediate_size", { max: configLimits.intermediate })
          : defaultSharedSize,
        layers: readSparseLayers(fields, layerCount),
      },
    };
  },
  build: (config, builder) => {
    buildMixtureDecoder(config, builder);
  },
  gguf: { ...ggufExperts, architecture: "qwen2moe", fields: ggufExpertFields(false) },
};

/** Refuses windows: `transformers` gives them to other layers than those of other families. */
export function assertNoWindows(fields: ConfigFields): void {
  if (!fields.boolean("use_sliding_window", false)) return;
  throw fields.invalid("use_sliding_window", "false: all layers attend to all tokens");
}
