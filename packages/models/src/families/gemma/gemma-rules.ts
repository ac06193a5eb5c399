import type { ConfigFields } from "../../config/config-fields.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { commonRules, type FamilyRules } from "../family-rules.ts";
import type { GgufField, GgufFamily } from "../family.ts";

const maxNumber = 1e6;

/** What Gemma 1, 2 and 3 have in common. */
export const gemmaRules: FamilyRules = {
  ...commonRules,
  widths: { kvHeadCount: 4, headDim: 256 },
  contextTokens: 8192,
  bosTokenId: 2,
  eosTokenId: 1,
  hasTiedEmbeddings: true,
  norm: { ...commonRules.norm, weightOffset: 1 },
  activation: { field: "hidden_activation", default: "gelu_tanh" },
  attentionBias: "by-config",
};

/**
 * The factors of Gemma: embeddings are multiplied with the root of their width.
 *
 * @throws ModelError `UNSUPPORTED_ARCHITECTURE` for a config of an encoder
 */
export function gemmaScales(
  fields: ConfigFields,
  { hiddenSize, scales }: ModelConfig,
): Pick<ModelConfig, "scales"> {
  if (fields.boolean("use_bidirectional_attention", false)) {
    const code = "UNSUPPORTED_ARCHITECTURE";
    throw fields.invalid("use_bidirectional_attention", "false, for a decoder", { code });
  }
  return { scales: { ...scales, embedding: Math.sqrt(hiddenSize) } };
}

/** Reads the factor of attention and the caps of Gemma 2 and 3. @throws ModelError `INVALID_CONFIG` */
export function gemmaAttention(
  fields: ConfigFields,
  defaults: { readonly attentionSoftCap: number | undefined; readonly logitSoftCap: number | undefined },
): Pick<ModelConfig, "attentionScale" | "attentionSoftCap" | "logitSoftCap"> {
  const number = (name: string, fallback: number | undefined): number | undefined => {
    if (fields.has(name)) return fields.number(name, { above: 0, max: maxNumber });
    return fields.raw(name) === null ? undefined : fallback;
  };
  return {
    attentionScale: (number("query_pre_attn_scalar", 256) ?? 256) ** -0.5,
    attentionSoftCap: number("attn_logit_softcapping", defaults.attentionSoftCap),
    logitSoftCap: number("final_logit_softcapping", defaults.logitSoftCap),
  };
}

/** How GGUF stores Gemma 2 and 3: the converter adds 1 to the weights of norms. */
export const gemmaGguf: Omit<GgufFamily, "architecture"> = {
  layerTensors: {
    post_attention_norm: "post_attention_layernorm",
    ffn_norm: "pre_feedforward_layernorm",
    post_ffw_norm: "post_feedforward_layernorm",
  },
  fieldKeys: {
    sliding_window: "attention.sliding_window",
    sliding_window_pattern: "attention.sliding_window_pattern",
    attn_logit_softcapping: "attn_logit_softcapping",
    final_logit_softcapping: "final_logit_softcapping",
  },
  resolve: wholeNorms,
};

/** The weights of norms are stored as they are used. */
export function wholeNorms({ norm }: ModelConfig): Pick<ModelConfig, "norm"> {
  return { norm: { ...norm, weightOffset: 0 } };
}

/** The field that GGUF leaves out: a head's width, except in the largest model. @see llama.cpp, `gemma3.cpp` */
export function queryScalar(field: GgufField, largestLayerCount: number): Readonly<Record<string, unknown>> {
  const isLargest = field("block_count") === largestLayerCount;
  const width = Number(field("embedding_length")) / Number(field("attention.head_count"));
  return { query_pre_attn_scalar: isLargest ? width : field("attention.key_length") };
}
