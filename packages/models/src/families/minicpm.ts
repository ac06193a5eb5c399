import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family, GgufField } from "./family.ts";
import { commonRules } from "./family-rules.ts";

const maxFactor = 1e6;
const unsupported = { code: "UNSUPPORTED_ARCHITECTURE" } as const;

/** MiniCPM 1 and 2, dense: Llama's network with factors. @see openbmb/MiniCPM-2B, `modeling_minicpm.py` */
export const minicpm: Family = {
  name: "minicpm",
  architecture: "MiniCPMForCausalLM",
  rules: { ...commonRules, hasTiedEmbeddings: true, attentionBias: "by-config" },
  resolve: readFactors,
  build: buildPreNormDecoder,
  gguf: {
    architecture: "minicpm",
    fields: ggufFactors,
    // The converter reorders queries and keys as those of Llama.
    resolve: () => ({ hasInterleavedRope: true }),
  },
};

/** Older files leave them out, and are all of MiniCPM 2B. */
function ggufFactors(field: GgufField): Readonly<Record<string, unknown>> {
  const number = (key: string): number | undefined => {
    const value = field(key);
    return value === undefined ? undefined : Number(value);
  };
  const [residual, logits] = [number("residual_scale"), number("logit_scale")];
  return {
    scale_emb: number("embedding_scale") ?? 12,
    scale_depth: residual === undefined ? 1.4 : residual * Math.sqrt(Number(field("block_count"))),
    dim_model_base: logits === undefined ? 256 : Number(field("embedding_length")) / logits,
  };
}

/**
 * What layers add is divided by the root of their number, and logits by the hidden size.
 *
 * @throws ModelError `INVALID_CONFIG`; `UNSUPPORTED_ARCHITECTURE` for experts, sparse attention, or another divisor
 */
function readFactors(
  fields: ConfigFields,
  { hiddenSize, layerCount }: ModelConfig,
): Pick<ModelConfig, "scales"> {
  if (fields.has("num_experts") && fields.raw("num_experts") !== 0) {
    throw fields.invalid("num_experts", "a network without experts", unsupported);
  }
  if (fields.has("sparse_config")) throw fields.invalid("sparse_config", "nothing", unsupported);
  if (fields.has("mup_denominator") && fields.raw("mup_denominator") !== layerCount) {
    throw fields.invalid("mup_denominator", `the number of layers (${layerCount})`, unsupported);
  }
  const factor = (name: string): number =>
    fields.has(name) ? fields.number(name, { above: 0, max: maxFactor }) : 1;
  return {
    scales: {
      embedding: factor("scale_emb"),
      residual: factor("scale_depth") / Math.sqrt(layerCount),
      logits: factor("dim_model_base") / hiddenSize,
    },
  };
}
