import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { sharedRotary } from "../config/read-rotary.ts";
import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

/** StableLM 3B and StableLM 2 1.6B: Llama's network with LayerNorm, of which a quarter of a head rotates. @see transformers, `modeling_stablelm.py` */
export const stablelm: Family = {
  name: "stablelm",
  architecture: "StableLmForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 32, headDim: undefined },
    contextTokens: 4096,
    bosTokenId: 0,
    eosTokenId: 0,
    norm: { kind: "layer", hasBias: true, weightOffset: 0, epsilonField: "layer_norm_eps", epsilon: 1e-5 },
    rotary: sharedRotary({ share: { field: "partial_rotary_factor", default: 0.25 } }),
  },
  resolve: resolveStableLm,
  build: buildPreNormDecoder,
  gguf: {
    architecture: "stablelm",
    fieldKeys: {
      layer_norm_eps: "attention.layer_norm_epsilon",
      use_parallel_residual: "use_parallel_residual",
    },
  },
};

function resolveStableLm(fields: ConfigFields): Partial<ModelConfig> {
  for (const name of ["use_parallel_residual", "qk_layernorm"]) {
    if (!fields.boolean(name, false)) continue;
    throw fields.invalid(name, "false", { code: "UNSUPPORTED_ARCHITECTURE" });
  }
  return { hasAttentionBias: { qkv: fields.boolean("use_qkv_bias", false), output: false } };
}
