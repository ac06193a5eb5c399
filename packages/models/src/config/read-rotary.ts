import type { ConfigFields } from "./config-fields.ts";
import type { LayerType } from "./read-sliding-windows.ts";
import type { ModelConfig, RopeScaling, Rotary } from "./model-config.ts";

/** What a rotation follows from, beside the config's own fields. */
export interface RotaryShape {
  readonly headDim: number;
  readonly contextTokens: number;
  readonly layerCount: number;
}

/** The rotations of a network, and which layer has which. */
export type LayerRotaries = Pick<ModelConfig, "rotaries" | "layerRotary">;

/** Reads the rotations of a family's layers. @throws ModelError `UNSUPPORTED_ROPE_SCALING`, `INVALID_CONFIG` */
export type RotaryRule = (config: ConfigFields, shape: RotaryShape) => LayerRotaries;

const unsupported = { code: "UNSUPPORTED_ROPE_SCALING" } as const;
const defaultTheta = 10_000;
const maxTheta = 1e15;
const maxFactor = 1e6;
const maxContextTokens = 2 ** 30;

/**
 * Reads the rotation of all layers in both kinds of config: `rope_theta` and `rope_scaling` (with `rope_type` or the
 * older `type`), and `rope_parameters` that holds all of it.
 *
 * @throws ModelError `UNSUPPORTED_ROPE_SCALING`, `INVALID_CONFIG`
 * @see transformers, `modeling_rope_utils.py` (`convert_rope_params_to_dict`, `standardize_rope_params`)
 */
export function oneRotary(config: ConfigFields, shape: RotaryShape): LayerRotaries {
  const rope = config.object("rope_scaling") ?? config.object("rope_parameters");
  assertFullRotation(config);
  if (rope !== undefined) {
    assertFullRotation(rope);
    assertOneForAllLayers(rope);
  }
  const holder = [rope, config].find((fields) => fields?.has("rope_theta"));
  const theta = holder === undefined ? defaultTheta : readTheta(holder, "rope_theta");
  return {
    rotaries: [{ dim: shape.headDim, theta, scaling: readScaling(rope, config, shape) }],
    layerRotary: Array.from({ length: shape.layerCount }, () => 0),
  };
}

/** Gives each layer the rotation of its type. Those that no layer has are left out. */
export function rotaryByType(
  layerTypes: readonly LayerType[],
  rotaryOf: Readonly<Record<LayerType, Rotary>>,
): LayerRotaries {
  const used = [...new Set(layerTypes)];
  return {
    rotaries: used.map((type) => rotaryOf[type]),
    layerRotary: layerTypes.map((type) => used.indexOf(type)),
  };
}

/** Reads the base of the rotation's frequencies. @throws ModelError `INVALID_CONFIG` */
export function readTheta(fields: ConfigFields, name: string): number {
  return fields.number(name, { above: 0, max: maxTheta });
}

function assertFullRotation(fields: ConfigFields): void {
  if (fields.has("partial_rotary_factor") && fields.raw("partial_rotary_factor") !== 1) {
    throw fields.invalid("partial_rotary_factor", "1", unsupported);
  }
}

/** Newer configs may have one object of settings for each type of layer. */
function assertOneForAllLayers(rope: ConfigFields): void {
  const byLayer = ["full_attention", "sliding_attention"].find((name) => rope.has(name));
  if (byLayer !== undefined) {
    throw rope.invalid(byLayer, "the same rotary settings for all layers", unsupported);
  }
}

/**
 * Reads the scaling of a rotation.
 *
 * @throws ModelError `UNSUPPORTED_ROPE_SCALING`, `INVALID_CONFIG`
 */
export function readScaling(
  rope: ConfigFields | undefined,
  config: ConfigFields,
  shape: Pick<RotaryShape, "contextTokens">,
): RopeScaling {
  if (rope === undefined) return { type: "none" };
  const type = rope.raw("rope_type") ?? rope.raw("type") ?? "default";
  switch (type) {
    case "default":
      return { type: "none" };
    case "linear":
      return { type: "linear", factor: readFactor(rope, "factor") };
    case "llama3":
      return readLlama3(rope, config, shape);
    default:
      throw rope.invalid(
        rope.has("rope_type") ? "rope_type" : "type",
        "default, linear or llama3",
        unsupported,
      );
  }
}

function readLlama3(
  rope: ConfigFields,
  config: ConfigFields,
  { contextTokens }: Pick<RotaryShape, "contextTokens">,
): RopeScaling {
  const lowFrequencyFactor = readFactor(rope, "low_freq_factor");
  const highFrequencyFactor = readFactor(rope, "high_freq_factor");
  if (highFrequencyFactor <= lowFrequencyFactor) {
    throw rope.invalid("high_freq_factor", `a number above low_freq_factor (${lowFrequencyFactor})`);
  }
  const holder = [config, rope].find((fields) => fields.has("original_max_position_embeddings"));
  const originalContextTokens =
    holder?.integer("original_max_position_embeddings", { max: maxContextTokens }) ?? contextTokens;
  return {
    type: "llama3",
    factor: readFactor(rope, "factor"),
    lowFrequencyFactor,
    highFrequencyFactor,
    originalContextTokens,
  };
}

function readFactor(rope: ConfigFields, name: string): number {
  return rope.number(name, { above: 0, max: maxFactor });
}
