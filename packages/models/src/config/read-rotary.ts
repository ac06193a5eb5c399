import type { ConfigFields } from "./config-fields.ts";
import type { LayerType } from "./read-sliding-windows.ts";
import type { ModelConfig, Rotary } from "./model-config.ts";
import { readScaling, type ScalingDialect } from "./read-rope-scaling.ts";

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

/** How a family's configs state a rotation that all layers share. */
interface SharedRotaryOptions {
  /**
   * Where a config says which share of a head rotates, and what holds where it does not. The field
   * `partial_rotary_factor` of the rotation's own settings takes precedence. [all of it, and no config may say another]
   */
  readonly share?: { readonly field: string; readonly default: number };
  /** The base where a config has none. [10000] */
  readonly theta?: number;
  /** The field with the base. [`rope_theta`] */
  readonly thetaField?: string;
  readonly scaling?: ScalingDialect;
}

/**
 * Makes the rule of a rotation that all layers share, in both kinds of config: `rope_theta` and `rope_scaling` (with
 * `rope_type` or the older `type`), and `rope_parameters` that holds all of it.
 *
 * @see transformers, `modeling_rope_utils.py` (`convert_rope_params_to_dict`, `standardize_rope_params`)
 */
export function sharedRotary({
  share,
  theta: fallbackTheta = defaultTheta,
  thetaField = "rope_theta",
  scaling: dialect,
}: SharedRotaryOptions = {}): RotaryRule {
  return (config, shape) => {
    const rope = config.object("rope_scaling") ?? config.object("rope_parameters");
    if (rope !== undefined) assertOneForAllLayers(rope);
    const readBase = (): number => {
      if (rope?.has("rope_theta") === true) return readTheta(rope, "rope_theta");
      return config.has(thetaField) ? readTheta(config, thetaField) : fallbackTheta;
    };
    const dim = readDim(shape.headDim, share, { config, rope });
    const scaling = readScaling({ rope, config }, { ...shape, dim }, dialect);
    return {
      rotaries: [{ dim, theta: readBase(), scaling }],
      layerRotary: Array.from({ length: shape.layerCount }, () => 0),
    };
  };
}

/** The rule of Llama and most others: heads rotate as a whole. */
export const oneRotary: RotaryRule = sharedRotary();

/** The rule of networks that do not rotate. */
export const noRotary: RotaryRule = (_config, { layerCount }) => ({
  rotaries: [],
  layerRotary: Array.from({ length: layerCount }, () => undefined),
});

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

/** How many features of a head rotate. */
function readDim(
  headDim: number,
  share: SharedRotaryOptions["share"],
  { config, rope }: { readonly config: ConfigFields; readonly rope: ConfigFields | undefined },
): number {
  const name = "partial_rotary_factor";
  if (share === undefined) {
    for (const fields of [config, rope]) {
      if (fields?.has(name) === true && fields.raw(name) !== 1) throw fields.invalid(name, "1", unsupported);
    }
    return evenHeadDim(headDim, config);
  }
  const [fields, field] = rope?.has(name) === true ? [rope, name] : [config, share.field];
  const factor = fields.has(field) ? fields.number(field, { above: 0, max: 1 }) : share.default;
  // A factor may be a quotient with this head.
  const dim = Math.floor(headDim * factor + 1e-6);
  if (dim >= 2 && dim % 2 === 0) return dim;
  throw fields.invalid(field, `a share of ${headDim} features that is an even number of them`, unsupported);
}

/** The features of heads that rotate as a whole, in pairs. @throws ModelError `INVALID_CONFIG` for an odd number */
export function evenHeadDim(headDim: number, config: ConfigFields): number {
  if (headDim % 2 === 0) return headDim;
  throw config.invalid("head_dim", "an even integer, for rotary embeddings", { got: String(headDim) });
}

/** Newer configs may have one object of settings for each type of layer. */
function assertOneForAllLayers(rope: ConfigFields): void {
  const byLayer = ["full_attention", "sliding_attention"].find((name) => rope.has(name));
  if (byLayer !== undefined) {
    throw rope.invalid(byLayer, "the same rotary settings for all layers", unsupported);
  }
}
