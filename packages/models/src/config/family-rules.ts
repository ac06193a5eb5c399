import { ModelError, quoteValue } from "../errors.ts";
import type { ModelFamily } from "./model-config.ts";

/** What differs between families: the defaults of their config classes, and parts that the config cannot switch. */
export interface FamilyRules {
  readonly family: ModelFamily;
  /** The class in `architectures`. */
  readonly architecture: string;
  /** `undefined`: as many as there are heads. */
  readonly defaultKvHeadCount: number | undefined;
  /** `undefined`: hidden size ÷ heads. */
  readonly defaultHeadDim: number | undefined;
  readonly defaultContextTokens: number;
  readonly defaultBosTokenId: number | undefined;
  readonly defaultEosTokenId: number | undefined;
  /** `by-config`: `attention_bias` decides for all four projections. */
  readonly attentionBias: "none" | "qkv" | "by-config";
  readonly mlpBias: "none" | "by-config";
  readonly hasQkNorm: boolean;
  /**
   * `all-layers`: `sliding_window`. `by-layer`: also `use_sliding_window` and `max_window_layers`. In both,
   * `layer_types` decides where it is there.
   */
  readonly slidingWindow: "none" | "all-layers" | "by-layer";
}

/** @see transformers, `configuration_<family>.py` and `modeling_<family>.py` of each family (5.23). */
const allFamilyRules: readonly FamilyRules[] = [
  {
    family: "llama",
    architecture: "LlamaForCausalLM",
    defaultKvHeadCount: undefined,
    defaultHeadDim: undefined,
    defaultContextTokens: 2048,
    defaultBosTokenId: 1,
    defaultEosTokenId: 2,
    attentionBias: "by-config",
    mlpBias: "by-config",
    hasQkNorm: false,
    slidingWindow: "none",
  },
  {
    family: "mistral",
    architecture: "MistralForCausalLM",
    defaultKvHeadCount: 8,
    defaultHeadDim: undefined,
    defaultContextTokens: 131_072,
    defaultBosTokenId: 1,
    defaultEosTokenId: 2,
    attentionBias: "none",
    mlpBias: "none",
    hasQkNorm: false,
    slidingWindow: "all-layers",
  },
  {
    family: "qwen2",
    architecture: "Qwen2ForCausalLM",
    defaultKvHeadCount: 32,
    defaultHeadDim: undefined,
    defaultContextTokens: 32_768,
    defaultBosTokenId: undefined,
    defaultEosTokenId: undefined,
    attentionBias: "qkv",
    mlpBias: "none",
    hasQkNorm: false,
    slidingWindow: "by-layer",
  },
  {
    family: "qwen3",
    architecture: "Qwen3ForCausalLM",
    defaultKvHeadCount: 32,
    defaultHeadDim: 128,
    defaultContextTokens: 32_768,
    defaultBosTokenId: undefined,
    defaultEosTokenId: undefined,
    attentionBias: "by-config",
    mlpBias: "none",
    hasQkNorm: true,
    slidingWindow: "by-layer",
  },
];

/** Families that have an architecture. */
export const supportedFamilies: readonly ModelFamily[] = allFamilyRules.map((rules) => rules.family);

/**
 * Finds the family by the config's `architectures`, or by `model_type` where that is absent.
 *
 * @throws ModelError `UNSUPPORTED_ARCHITECTURE` with the supported ones
 */
export function familyRulesFor(architectures: unknown, modelType: unknown): FamilyRules {
  const named: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const found =
    named === undefined
      ? allFamilyRules.find((rules) => rules.family === modelType)
      : allFamilyRules.find((rules) => rules.architecture === named);
  if (found !== undefined) {
    return found;
  }
  const supported = allFamilyRules.map((rules) => rules.architecture).join(", ");
  const what =
    named === undefined ? `model_type ${quoteValue(modelType)} and no "architectures"` : quoteValue(named);
  throw new ModelError("UNSUPPORTED_ARCHITECTURE", `config.json: wanted one of ${supported}; found ${what}`, {
    file: "config.json",
    field: named === undefined ? "model_type" : "architectures",
  });
}
