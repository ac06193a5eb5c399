import type { ConfigFields } from "./config-fields.ts";
import { configLimits } from "./config-limits.ts";

/** The type of attention of a layer, as in `layer_types`. */
export type LayerType = "full_attention" | "sliding_attention";

/**
 * Which layers slide. `all-layers`: those with `sliding_window`. `by-layer`: also by `use_sliding_window` and
 * `max_window_layers`. In all of them `layer_types` takes precedence.
 */
export type SlidingWindowRule = "none" | "all-layers" | "by-layer" | SlidingPattern;

/** All layers but each one of this number slide; a field of the config may say another number. */
export interface SlidingPattern {
  readonly allButEvery: number;
  readonly field?: string;
}

const defaultWindow = 4096;
const defaultFirstSlidingLayer = 28;

/**
 * Reads how many tokens each layer attends to; `undefined` where to all.
 *
 * @throws ModelError `INVALID_CONFIG`
 */
export function readSlidingWindows(
  config: ConfigFields,
  rule: SlidingWindowRule,
  layerCount: number,
): readonly (number | undefined)[] {
  const none = Array.from({ length: layerCount }, () => undefined);
  if (rule === "none" || config.raw("sliding_window") === null) return none;
  if (rule === "by-layer" && !config.boolean("use_sliding_window", false)) return none;
  const window =
    config.raw("sliding_window") === undefined
      ? defaultWindow
      : config.integer("sliding_window", { max: configLimits.context });
  return readLayerTypes(config, rule, layerCount).map((type) =>
    type === "sliding_attention" ? window : undefined,
  );
}

/** Reads the type of each layer. @throws ModelError `INVALID_CONFIG` */
export function readLayerTypes(
  config: ConfigFields,
  rule: SlidingWindowRule,
  layerCount: number,
): readonly LayerType[] {
  if (config.has("layer_types")) return listedTypes(config, layerCount);
  const isSliding = slidingLayers(config, rule);
  return Array.from({ length: layerCount }, (_, layer) =>
    isSliding(layer) ? "sliding_attention" : "full_attention",
  );
}

function slidingLayers(config: ConfigFields, rule: SlidingWindowRule): (layer: number) => boolean {
  if (rule === "none" || rule === "all-layers") return () => rule === "all-layers";
  if (rule !== "by-layer") {
    const { allButEvery, field } = rule;
    const isInConfig = field !== undefined && config.has(field);
    const period = isInConfig ? config.integer(field, { max: configLimits.layers }) : allButEvery;
    return (layer) => (layer + 1) % period !== 0;
  }
  const first =
    config.raw("max_window_layers") === undefined
      ? defaultFirstSlidingLayer
      : config.integer("max_window_layers", { min: 0, max: configLimits.layers });
  return (layer) => layer >= first;
}

function listedTypes(config: ConfigFields, layerCount: number): readonly LayerType[] {
  const types = config.raw("layer_types");
  const isKnown = (type: unknown): type is LayerType =>
    type === "sliding_attention" || type === "full_attention";
  if (!Array.isArray(types) || types.length !== layerCount || !types.every(isKnown)) {
    throw config.invalid("layer_types", `${layerCount} values of "full_attention" or "sliding_attention"`);
  }
  return types;
}
