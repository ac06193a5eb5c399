import type { ConfigFields } from "./config-fields.ts";
import { configLimits } from "./config-limits.ts";
import type { MixtureOfExperts } from "./model-config.ts";

/** What a family's config calls the numbers of its experts, and what they are where it does not say. */
export interface ExpertRules {
  readonly count: FieldRule;
  readonly perToken: FieldRule;
  readonly intermediateSize: FieldRule;
}

/** A field and its default. */
export type FieldRule = readonly [field: string, fallback: number];

/** Reads the numbers of experts, which all layers have. @throws ModelError `INVALID_CONFIG` */
export function readExperts(
  config: ConfigFields,
  rules: ExpertRules,
  layerCount: number,
): Omit<MixtureOfExperts, "areWeightsNormalized"> {
  const read = ([field, fallback]: FieldRule, max: number): number =>
    config.has(field) ? config.integer(field, { max }) : fallback;
  const expertCount = read(rules.count, configLimits.experts);
  const expertsPerToken = read(rules.perToken, configLimits.experts);
  if (expertsPerToken > expertCount) {
    throw config.invalid(rules.perToken[0], `at most the number of experts (${expertCount})`);
  }
  return {
    expertCount,
    expertsPerToken,
    intermediateSize: read(rules.intermediateSize, configLimits.intermediate),
    sharedIntermediateSize: undefined,
    layers: Array.from({ length: layerCount }, () => true),
    hasInterleavedGateUp: false,
    swigluLimit: undefined,
  };
}

/**
 * Reads which layers have experts: each one of `decoder_sparse_step`, but those in `mlp_only_layers`.
 *
 * @throws ModelError `INVALID_CONFIG`
 */
export function readSparseLayers(config: ConfigFields, layerCount: number): readonly boolean[] {
  const step = config.has("decoder_sparse_step")
    ? config.integer("decoder_sparse_step", { max: configLimits.layers })
    : 1;
  const mlpOnly = config.has("mlp_only_layers") ? config.raw("mlp_only_layers") : [];
  if (!Array.isArray(mlpOnly) || !mlpOnly.every((layer) => Number.isSafeInteger(layer))) {
    throw config.invalid("mlp_only_layers", "a list of the indices of layers");
  }
  const dense = new Set<unknown>(mlpOnly);
  return Array.from({ length: layerCount }, (_, layer) => !dense.has(layer) && (layer + 1) % step === 0);
}
