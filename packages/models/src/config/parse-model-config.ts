import { ConfigFields } from "./config-fields.ts";
import { familyRulesFor } from "./family-rules.ts";
import type { FamilyRules } from "./family-rules.ts";
import type { ModelConfig } from "./model-config.ts";
import { parseRope } from "./parse-rope.ts";

/** The parsed JSON of a checkpoint's files, or another format's metadata under the same names. */
export interface RawModelFiles {
  /** Where the config is from, for errors; `config.json` by default. */
  readonly configName?: string;
  /** What the config's file calls a field, where that is another name than in `config.json`. */
  readonly fieldNames?: ReadonlyMap<string, string>;
  /** `config.json` */
  readonly config: unknown;
  /** `generation_config.json`, if there is one. */
  readonly generationConfig?: unknown;
}

const maximums = {
  vocab: 2 ** 24,
  hidden: 2 ** 20,
  intermediate: 2 ** 22,
  layers: 4096,
  heads: 2 ** 16,
  headDim: 2 ** 16,
  context: 2 ** 30,
} as const;

/**
 * Resolves a checkpoint's config: fills in every default as `transformers` does and checks every number.
 *
 * @throws ModelError `INVALID_CONFIG`, `UNSUPPORTED_ARCHITECTURE`, `UNSUPPORTED_ROPE_SCALING`,
 * `UNSUPPORTED_ACTIVATION`
 * @see transformers, `configuration_llama.py`, `configuration_mistral.py`, `configuration_qwen2.py`, `configuration_qwen3.py`
 */
export function parseModelConfig(files: RawModelFiles): ModelConfig {
  const { configName: file = "config.json", fieldNames = new Map<string, string>() } = files;
  const config = new ConfigFields(files.config, { file, fieldNames });
  const generation =
    files.generationConfig === undefined || files.generationConfig === null
      ? undefined
      : new ConfigFields(files.generationConfig, "generation_config.json");
  const rules = familyRulesFor(config);
  assertActivation(config);

  const vocabSize = config.integer("vocab_size", { max: maximums.vocab });
  const layerCount = config.integer("num_hidden_layers", { max: maximums.layers });
  const contextTokens = config.has("max_position_embeddings")
    ? config.integer("max_position_embeddings", { max: maximums.context })
    : rules.defaultContextTokens;
  const rope = parseRope(config, contextTokens);
  const hasConfiguredBias = config.boolean("attention_bias", false);

  return Object.freeze({
    family: rules.family,
    architecture: rules.architecture,
    vocabSize,
    ...readWidths(config, rules),
    intermediateSize: config.integer("intermediate_size", { max: maximums.intermediate }),
    layerCount,
    rmsNormEpsilon: config.has("rms_norm_eps") ? config.number("rms_norm_eps", { above: 0, max: 1 }) : 1e-6,
    ropeTheta: rope.theta,
    ropeScaling: Object.freeze(rope.scaling),
    hasInterleavedRope: false,
    contextTokens,
    slidingWindowTokens: Object.freeze(readSlidingWindows(config, rules, layerCount)),
    hasTiedEmbeddings: config.boolean("tie_word_embeddings", false),
    hasAttentionBias: Object.freeze({
      qkv: rules.attentionBias === "qkv" || (rules.attentionBias === "by-config" && hasConfiguredBias),
      output: rules.attentionBias === "by-config" && hasConfiguredBias,
    }),
    hasMlpBias: rules.mlpBias === "by-config" && config.boolean("mlp_bias", false),
    hasQkNorm: rules.hasQkNorm,
    eosTokenIds: Object.freeze(readEosTokenIds([generation, config], rules, vocabSize)),
    bosTokenId: readBosTokenId([generation, config], rules, vocabSize),
    storedDtype: config.text("dtype") ?? config.text("torch_dtype") ?? "unspecified",
  });
}

type Widths = Pick<ModelConfig, "hiddenSize" | "headCount" | "kvHeadCount" | "headDim">;

function readWidths(config: ConfigFields, rules: FamilyRules): Widths {
  const hiddenSize = config.integer("hidden_size", { max: maximums.hidden });
  const headCount = config.integer("num_attention_heads", { max: maximums.heads });
  const kvHeadCount = readKvHeadCount(config, rules, headCount);
  let headDim = rules.defaultHeadDim;
  if (config.has("head_dim")) {
    headDim = config.integer("head_dim", { max: maximums.headDim });
  } else if (headDim === undefined) {
    if (hiddenSize % headCount !== 0) {
      throw config.invalid(
        "hidden_size",
        `a multiple of num_attention_heads (${headCount}), as head_dim is absent`,
      );
    }
    headDim = hiddenSize / headCount;
  }
  if (headDim % 2 !== 0) {
    throw config.invalid("head_dim", "an even integer, for rotary embeddings", { got: String(headDim) });
  }
  return { hiddenSize, headCount, kvHeadCount, headDim };
}

function readKvHeadCount(config: ConfigFields, rules: FamilyRules, headCount: number): number {
  let kvHeadCount = headCount;
  if (config.has("num_key_value_heads")) {
    kvHeadCount = config.integer("num_key_value_heads", { max: maximums.heads });
  } else if (config.raw("num_key_value_heads") === undefined) {
    kvHeadCount = rules.defaultKvHeadCount ?? headCount;
  }
  if (headCount % kvHeadCount !== 0) {
    throw config.invalid("num_attention_heads", `a multiple of num_key_value_heads (${kvHeadCount})`);
  }
  return kvHeadCount;
}

function readSlidingWindows(
  config: ConfigFields,
  rules: FamilyRules,
  layerCount: number,
): (number | undefined)[] {
  const everywhere = (window: number | undefined): (number | undefined)[] =>
    Array.from({ length: layerCount }, () => window);
  if (rules.slidingWindow === "none") {
    return everywhere(undefined);
  }
  const isOn = rules.slidingWindow === "all-layers" || config.boolean("use_sliding_window", false);
  if (!isOn || config.raw("sliding_window") === null) {
    return everywhere(undefined);
  }
  const window =
    config.raw("sliding_window") === undefined
      ? 4096
      : config.integer("sliding_window", { max: maximums.context });
  if (config.has("layer_types")) {
    return readLayerTypes(config, layerCount).map((isSliding) => (isSliding ? window : undefined));
  }
  if (rules.slidingWindow === "all-layers") {
    return everywhere(window);
  }
  const firstSliding =
    config.raw("max_window_layers") === undefined
      ? 28
      : config.integer("max_window_layers", { min: 0, max: maximums.layers });
  return everywhere(window).map((value, layer) => (layer >= firstSliding ? value : undefined));
}

function readLayerTypes(config: ConfigFields, layerCount: number): boolean[] {
  const types = config.raw("layer_types");
  const isKnown = (type: unknown): boolean => type === "sliding_attention" || type === "full_attention";
  if (!Array.isArray(types) || types.length !== layerCount || !types.every(isKnown)) {
    throw config.invalid("layer_types", `${layerCount} values of "full_attention" or "sliding_attention"`);
  }
  return types.map((type) => type === "sliding_attention");
}

function readEosTokenIds(
  sources: readonly (ConfigFields | undefined)[],
  rules: FamilyRules,
  vocabSize: number,
): number[] {
  const holder = sources.find((fields) => fields?.has("eos_token_id"));
  if (holder === undefined) {
    const isOff = sources.some((fields) => fields?.raw("eos_token_id") === null);
    return isOff || rules.defaultEosTokenId === undefined ? [] : [rules.defaultEosTokenId];
  }
  const value = holder.raw("eos_token_id");
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (!ids.every((id): id is number => isTokenId(id, vocabSize))) {
    throw holder.invalid("eos_token_id", `a token id, or a list of them, from 0 to ${vocabSize - 1}`);
  }
  return [...new Set(ids)];
}

function readBosTokenId(
  sources: readonly (ConfigFields | undefined)[],
  rules: FamilyRules,
  vocabSize: number,
): number | undefined {
  const holder = sources.find((fields) => fields?.has("bos_token_id"));
  if (holder === undefined) {
    return sources.some((fields) => fields?.raw("bos_token_id") === null)
      ? undefined
      : rules.defaultBosTokenId;
  }
  return holder.integer("bos_token_id", { min: 0, max: vocabSize - 1 });
}

function isTokenId(value: unknown, vocabSize: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < vocabSize;
}

function assertActivation(config: ConfigFields): void {
  const activation = config.raw("hidden_act") ?? "silu";
  if (activation !== "silu" && activation !== "swish") {
    throw config.invalid("hidden_act", '"silu"', { code: "UNSUPPORTED_ACTIVATION" });
  }
}
