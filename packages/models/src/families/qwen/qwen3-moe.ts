import { readExperts, readSparseLayers } from "../../config/read-experts.ts";
import { buildMixtureDecoder } from "../../network/decoders/mixture-of-experts.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";
import { ggufExpertFields, ggufExperts } from "../gguf-experts.ts";
import { assertNoWindows } from "./qwen2-moe.ts";

/** Qwen3-MoE: Qwen3's network with experts. @see transformers, `modeling_qwen3_moe.py` */
export const qwen3Moe: Family = {
  name: "qwen3_moe",
  architecture: "Qwen3MoeForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 4, headDim: undefined },
    contextTokens: 32_768,
    bosTokenId: undefined,
    eosTokenId: undefined,
    attentionBias: "by-config",
    qkNorm: "head",
  },
  resolve: (fields, { layerCount }) => {
    assertNoWindows(fields);
    const rules = {
      count: ["num_experts", 128],
      perToken: ["num_experts_per_tok", 8],
      intermediateSize: ["moe_intermediate_size", 768],
    } as const;
    return {
      experts: {
        ...readExperts(fields, rules, layerCount),
        areWeightsNormalized: fields.boolean("norm_topk_prob", false),
        layers: readSparseLayers(fields, layerCount),
      },
    };
  },
  build: (config, builder) => {
    buildMixtureDecoder(config, builder);
  },
  gguf: { ...ggufExperts, architecture: "qwen3moe", fields: ggufExpertFields(true) },
};
