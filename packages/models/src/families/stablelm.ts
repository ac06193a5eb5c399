import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { sharedRotary } from "../config/read-rotary.ts";
import { buildParallelDecoder } from "../network/decoders/parallel-decoder.ts";
import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

/**
 * StableLM 3B and StableLM 2: Llama's network with LayerNorm, or attention and MLP beside each other, as in the one of 12B.
 * A quarter of a head rotates.
 *
 * @see transformers, `modeling_stablelm.py`
 */
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
  build: (config, builder) =>
    config.hasParallelBlocks ? buildParallelDecoder(config, builder) : buildPreNormDecoder(config, builder),
  gguf: {
    architecture: "stablelm",
    fieldKeys: { layer_norm_eps: "attention.layer_norm_epsilon" },
    // The key of it is set in files of all sizes, whatever the network has.
    fields: (_field, hasTensor) => ({ use_parallel_residual: !hasTensor("blk.0.ffn_norm.weight") }),
    resolve: ({ qkNorm }) => ({ qkNorm: qkNorm === "none" ? "none" : "stacked" }),
  },
};

function resolveStableLm(fields: ConfigFields): Partial<ModelConfig> {
  return {
    hasAttentionBias: { qkv: fields.boolean("use_qkv_bias", false), output: false },
    hasParallelBlocks: fields.boolean("use_parallel_residual", false),
    qkNorm: fields.boolean("qk_layernorm", false) ? "listed" : "none",
  };
}
