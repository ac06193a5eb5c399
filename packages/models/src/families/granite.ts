import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

const maxFactor = 1e6;

/** Granite 3, dense: Llama's network with factors. @see transformers, `modeling_granite.py` */
export const granite: Family = {
  name: "granite",
  architecture: "GraniteForCausalLM",
  rules: { ...commonRules, attentionBias: "by-config", mlpBias: "by-config" },
  resolve: readFactors,
  build: buildPreNormDecoder,
  gguf: {
    architecture: "granite",
    fieldKeys: {
      attention_multiplier: "attention.scale",
      embedding_multiplier: "embedding_scale",
      residual_multiplier: "residual_scale",
      logits_scaling: "logit_scale",
    },
    // A file without the factor of attention has the usual one. @see llama.cpp, `granite.cpp`
    fields: (field) => {
      const headDim = Number(field("embedding_length")) / Number(field("attention.head_count"));
      return { attention_multiplier: field("attention.scale") ?? headDim ** -0.5 };
    },
    // The converter reorders queries and keys as those of Llama.
    resolve: () => ({ hasInterleavedRope: true }),
  },
};

/** Logits are divided by their factor, which is a number above 0; others are multiplied. */
function readFactors(
  fields: ConfigFields,
  _config: ModelConfig,
): Pick<ModelConfig, "attentionScale" | "scales"> {
  const factor = (name: string): number =>
    fields.has(name) ? fields.number(name, { above: 0, max: maxFactor }) : 1;
  return {
    attentionScale: factor("attention_multiplier"),
    scales: {
      embedding: factor("embedding_multiplier"),
      residual: factor("residual_multiplier"),
      logits: 1 / factor("logits_scaling"),
    },
  };
}
