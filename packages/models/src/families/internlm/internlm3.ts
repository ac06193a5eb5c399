import type { ConfigFields } from "../../config/config-fields.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { buildPreNormDecoder } from "../../network/decoders/pre-norm-decoder.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

/** InternLM 3: Llama's network under a name of its own, also in GGUF. @see transformers, `modular_internlm3.py` */
export const internlm3: Family = {
  name: "internlm3",
  architecture: "InternLM3ForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 2, headDim: 128 },
    contextTokens: 32_768,
    norm: { ...commonRules.norm, epsilon: 1e-5 },
  },
  resolve: readBiases,
  build: buildPreNormDecoder,
};

/** `qkv_bias` and `bias`, which must be equal, or the names that Llama has for them. */
function readBiases(fields: ConfigFields): Pick<ModelConfig, "hasAttentionBias" | "hasMlpBias"> {
  const attention = fields.has("qkv_bias") ? "qkv_bias" : "attention_bias";
  const mlp = fields.has("bias") ? "bias" : "mlp_bias";
  const hasBias = fields.boolean(attention, false);
  if (fields.boolean(mlp, false) !== hasBias) {
    throw fields.invalid(mlp, `${hasBias}, as ${attention} is`, { code: "UNSUPPORTED_ARCHITECTURE" });
  }
  return { hasAttentionBias: { qkv: hasBias, output: hasBias }, hasMlpBias: hasBias };
}
