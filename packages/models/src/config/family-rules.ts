import type { ConfigFields } from "./config-fields.ts";
import type { ModelFamily } from "./model-config.ts";

/** What differs between families: the defaults of their config classes, and what no config field controls. */
export interface FamilyRules {
  readonly family: ModelFamily;
  /** The class in `architectures`. */
  readonly architecture: string;
  /** `undefined`: the number of heads. */
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
   * `layer_types` takes precedence.
   */
  readonly slidingWindow: "none" | "all-layers" | "by-layer";
}

/** @see transformers, `configuration_<family>.py` and `modeling_<family>.py` of each family (5.23). */
const familyRules: Readonly<Record<ModelFamily, Omit<FamilyRules, "family">>> = {
  llama: {
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
  mistral: {
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
  qwen2: {
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
  qwen3: {
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
};

/** The families that are supported. */
export const supportedFamilies: readonly ModelFamily[] = Object.keys(familyRules) as ModelFamily[];

/**
 * Finds the family by the config's `architectures`, or by `model_type` where that is absent.
 *
 * @throws ModelError `UNSUPPORTED_ARCHITECTURE` with the supported ones
 */
export function familyRulesFor(config: ConfigFields): FamilyRules {
  const architectures = config.raw("architectures");
  const named: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const family = supportedFamilies.find((each) =>
    named === undefined ? each === config.raw("model_type") : familyRules[each].architecture === named,
  );
  if (family !== undefined) return { family, ...familyRules[family] };
  const [field, supported] =
    named === undefined
      ? ["model_type", supportedFamilies]
      : ["architectures", supportedFamilies.map((each) => familyRules[each].architecture)];
  throw config.invalid(field, `one of ${supported.join(", ")}`, { code: "UNSUPPORTED_ARCHITECTURE" });
}
