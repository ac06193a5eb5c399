import { readExperts } from "../../config/read-experts.ts";
import { buildMixtureDecoder } from "../../network/decoders/mixture-of-experts.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";
import { ggufExpertFields, ggufExperts } from "../gguf-experts.ts";

/** OLMoE: Llama's network with norms over all queries and all keys, and experts in every layer. @see transformers, `modeling_olmoe.py` */
export const olmoe: Family = {
  name: "olmoe",
  architecture: "OlmoeForCausalLM",
  rules: {
    ...commonRules,
    contextTokens: 4096,
    bosTokenId: undefined,
    eosTokenId: 50_279,
    norm: { ...commonRules.norm, epsilon: 1e-5 },
    attentionBias: "by-config",
    qkNorm: "projection",
  },
  resolve: (fields, { layerCount, intermediateSize }) => {
    if (fields.has("clip_qkv")) {
      throw fields.invalid("clip_qkv", "null: queries, keys and values as they are");
    }
    const rules = {
      count: ["num_experts", 64],
      perToken: ["num_experts_per_tok", 8],
      intermediateSize: ["intermediate_size", intermediateSize],
    } as const;
    const areWeightsNormalized = fields.boolean("norm_topk_prob", false);
    return { experts: { ...readExperts(fields, rules, layerCount), areWeightsNormalized } };
  },
  build: (config, builder) => {
    buildMixtureDecoder(config, builder);
  },
  gguf: { ...ggufExperts, architecture: "olmoe", fields: ggufExpertFields(false) },
};
