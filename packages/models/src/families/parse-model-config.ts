import { ConfigFields } from "../config/config-fields.ts";
import { configLimits } from "../config/config-limits.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { readActivation } from "../config/read-activation.ts";
import { readSlidingWindows } from "../config/read-sliding-windows.ts";
import { readBosTokenId, readEosTokenIds } from "../config/read-token-ids.ts";
import { readWidths } from "../config/read-widths.ts";
import { findFamily } from "./find-family.ts";
import type { FamilyRules } from "./family-rules.ts";

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

/**
 * Resolves a checkpoint's config: fills in every default as `transformers` does and checks every number.
 *
 * @throws ModelError `INVALID_CONFIG`, `UNSUPPORTED_ARCHITECTURE`, `UNSUPPORTED_ROPE_SCALING`,
 * `UNSUPPORTED_ACTIVATION`
 * @see transformers, `configuration_<family>.py` of each family (5.23)
 */
export function parseModelConfig(files: RawModelFiles): ModelConfig {
  const { configName: file = "config.json", fieldNames = new Map<string, string>() } = files;
  const generation =
    files.generationConfig === undefined || files.generationConfig === null
      ? undefined
      : new ConfigFields(files.generationConfig, "generation_config.json");
  const found = findFamily(new ConfigFields(files.config, { file, fieldNames }));
  const { name, rules, resolve, fieldDefaults = {} } = found.family;
  const fields = found.fields.withDefaults(fieldDefaults).withCommonNames(rules.fieldNames);
  const network = readNetwork(fields, rules);
  const tokens = { sources: [generation, fields], vocabSize: network.vocabSize };
  const config: ModelConfig = {
    family: name,
    architecture: found.architecture,
    ...network,
    eosTokenIds: readEosTokenIds(tokens, rules.eosTokenId),
    bosTokenId: readBosTokenId(tokens, rules.bosTokenId),
    storedDtype: fields.text("dtype") ?? fields.text("torch_dtype") ?? "unspecified",
  };
  return deepFreeze({ ...config, ...resolve?.(fields, config) });
}

type TextFields = "family" | "architecture" | "eosTokenIds" | "bosTokenId" | "storedDtype";

function readNetwork(fields: ConfigFields, rules: FamilyRules): Omit<ModelConfig, TextFields> {
  const activation = readActivation(fields, rules.activation);
  const vocabSize = fields.integer("vocab_size", { max: configLimits.vocab });
  const layerCount = fields.integer("num_hidden_layers", { max: configLimits.layers });
  const positionCount = fields.has("max_position_embeddings")
    ? fields.integer("max_position_embeddings", { max: configLimits.context })
    : rules.contextTokens;
  const widths = readWidths(fields, rules.widths);
  const { headDim } = widths;
  const { kind, weightOffset, hasBias, epsilonField } = rules.norm;
  const epsilon = fields.has(epsilonField)
    ? fields.number(epsilonField, { above: 0, max: 1 })
    : rules.norm.epsilon;
  const { rotaries, layerRotary } = rules.rotary(fields, {
    headDim,
    contextTokens: positionCount,
    layerCount,
  });
  const hasConfiguredBias = rules.attentionBias === "by-config" && fields.boolean("attention_bias", false);
  return {
    vocabSize,
    ...widths,
    intermediateSize: readIntermediateSize(fields, rules, widths.hiddenSize),
    layerCount,
    norm: { kind, epsilon, weightOffset, hasBias },
    activation,
    rotaries,
    layerRotary,
    hasPositionTable: false,
    hasInterleavedRope: false,
    contextTokens: extendedContext(positionCount, rotaries),
    slidingWindowTokens: readSlidingWindows(fields, rules.slidingWindow, layerCount),
    attentionScale: headDim ** -0.5,
    queryScaling: undefined,
    attentionSoftCap: undefined,
    logitSoftCap: undefined,
    scales: { embedding: 1, residual: 1, logits: 1 },
    hasHeadBias: false,
    fusedQkvGroupCount: undefined,
    hasTiedEmbeddings: fields.boolean("tie_word_embeddings", rules.hasTiedEmbeddings),
    hasAttentionBias: { qkv: rules.attentionBias === "qkv" || hasConfiguredBias, output: hasConfiguredBias },
    hasAttentionSinks: false,
    hasMlpBias: rules.mlpBias === "by-config" && fields.boolean("mlp_bias", false),
    hasParallelBlocks: false,
    hasAttentionNorm: false,
    qkNorm: rules.qkNorm,
    experts: undefined,
  };
}

/** Rotations that grow with a sequence extend the original context by their factor, as in vLLM. */
function extendedContext(positionCount: number, rotaries: ModelConfig["rotaries"]): number {
  const factors = rotaries.flatMap(({ scaling }) => (scaling.type === "dynamic" ? [scaling.factor] : []));
  return factors.length === 0 ? positionCount : Math.floor(positionCount * Math.max(1, Math.min(...factors)));
}

function readIntermediateSize(
  fields: ConfigFields,
  { intermediateFactor }: FamilyRules,
  hiddenSize: number,
): number {
  const name = "intermediate_size";
  return intermediateFactor === undefined || fields.has(name)
    ? fields.integer(name, { max: configLimits.intermediate })
    : intermediateFactor * hiddenSize;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === "object" && part !== null) deepFreeze(part as object);
  }
  return Object.freeze(value);
}
