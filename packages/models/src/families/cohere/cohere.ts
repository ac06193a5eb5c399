import type { ConfigFields } from "../../config/config-fields.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { sharedRotary } from "../../config/read-rotary.ts";
import { buildParallelDecoder } from "../../network/decoders/parallel-decoder.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

const maxScale = 1e6;
const defaultScale = 0.0625;

/** Cohere's Command R and R+: parallel attention and MLP, neighbours rotate together. @see transformers, `modeling_cohere.py` */
export const cohere: Family = {
  name: "cohere",
  architecture: "CohereForCausalLM",
  rules: {
    ...commonRules,
    contextTokens: 8192,
    bosTokenId: 5,
    eosTokenId: 255_001,
    hasTiedEmbeddings: true,
    norm: { kind: "layer", hasBias: false, weightOffset: 0, epsilonField: "layer_norm_eps", epsilon: 1e-5 },
    attentionBias: "by-config",
    rotary: sharedRotary({ theta: 500_000 }),
  },
  resolve: (fields, config) => ({
    ...cohereDetails(fields, config),
    qkNorm: fields.boolean("use_qk_norm", false) ? "stacked" : "none",
  }),
  build: buildParallelDecoder,
  gguf: {
    architecture: "command-r",
    fieldKeys: { layer_norm_eps: "attention.layer_norm_epsilon", logit_scale: "logit_scale" },
    fields: (_field, hasTensor) => ({ use_qk_norm: hasTensor("blk.0.attn_q_norm.weight") }),
  },
};

/** Reads the factor of logits; neighbours rotate together. @throws ModelError `INVALID_CONFIG` */
export function cohereDetails(
  fields: ConfigFields,
  { scales }: ModelConfig,
): Pick<ModelConfig, "scales" | "hasInterleavedRope"> {
  const logits = fields.has("logit_scale")
    ? fields.number("logit_scale", { above: 0, max: maxScale })
    : defaultScale;
  return { scales: { ...scales, logits }, hasInterleavedRope: true };
}
