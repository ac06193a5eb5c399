import type { ConfigFields } from "./config-fields.ts";
import type { RopeScaling } from "./model-config.ts";

/** What a scaling follows from, beside its own fields. */
export interface ScalingShape {
  readonly contextTokens: number;
  readonly headDim: number;
  /** How many features rotate. [all of a head] */
  readonly dim?: number;
}

/** How a family's config states a scaling in its own way. */
export interface ScalingDialect {
  /** Other names of kinds. */
  readonly aliases?: ReadonlyMap<unknown, string>;
  /** The original context where the config has no field of its own, whatever the scaling says. */
  readonly originalContextTokens?: number;
}

const maxFactor = 1e6;
const maxContextTokens = 2 ** 30;

/** By name; none of them changes how many features rotate. */
const readers: ReadonlyMap<unknown, (fields: ScalingFields) => RopeScaling> = new Map([
  ["default", (): RopeScaling => ({ type: "none" })],
  ["linear", ({ rope }): RopeScaling => ({ type: "linear", factor: readFactor(rope, "factor") })],
  ["dynamic", readDynamic],
  ["llama3", readLlama3],
  ["longrope", readLongrope],
  ["yarn", readYarn],
]);

interface ScalingFields extends ScalingShape {
  readonly rope: ConfigFields;
  readonly config: ConfigFields;
  readonly dialect: ScalingDialect;
}

/**
 * Reads the scaling of a rotation.
 *
 * @throws ModelError `UNSUPPORTED_ROPE_SCALING`, `INVALID_CONFIG`
 * @see transformers, `modeling_rope_utils.py`
 */
export function readScaling(
  { rope, config }: { readonly rope: ConfigFields | undefined; readonly config: ConfigFields },
  shape: ScalingShape,
  dialect: ScalingDialect = {},
): RopeScaling {
  if (rope === undefined) return { type: "none" };
  const type = rope.raw("rope_type") ?? rope.raw("type") ?? "default";
  const read = readers.get(dialect.aliases?.get(type) ?? type);
  if (read !== undefined) return read({ rope, config, dialect, ...shape });
  const names = [...readers.keys()].join(", ");
  throw rope.invalid(rope.has("rope_type") ? "rope_type" : "type", `one of ${names}`, {
    code: "UNSUPPORTED_ROPE_SCALING",
  });
}

function readDynamic({ rope, contextTokens, headDim, dim = headDim }: ScalingFields): RopeScaling {
  if (dim > 2) {
    return { type: "dynamic", factor: readFactor(rope, "factor"), originalContextTokens: contextTokens };
  }
  throw rope.invalid(rope.has("rope_type") ? "rope_type" : "type", "more than 2 features that rotate", {
    code: "UNSUPPORTED_ROPE_SCALING",
    got: String(dim),
  });
}

function readLlama3(fields: ScalingFields): RopeScaling {
  const { rope } = fields;
  const lowFrequencyFactor = readFactor(rope, "low_freq_factor");
  const highFrequencyFactor = readFactor(rope, "high_freq_factor");
  if (highFrequencyFactor <= lowFrequencyFactor) {
    throw rope.invalid("high_freq_factor", `a number above low_freq_factor (${lowFrequencyFactor})`);
  }
  return {
    type: "llama3",
    factor: readFactor(rope, "factor"),
    lowFrequencyFactor,
    highFrequencyFactor,
    originalContextTokens: readOriginalContext(fields),
  };
}

function readYarn(fields: ScalingFields): RopeScaling {
  const { rope, contextTokens } = fields;
  const originalContextTokens = readOriginalContext(fields);
  const factor =
    rope.raw("factor") === null ? contextTokens / originalContextTokens : readFactor(rope, "factor");
  const scales = ["mscale", "mscale_all_dim"].map((name) => readOptional(rope, name));
  const [scale = 0, scaleOfAll = 0] = scales;
  const attentionFactor =
    scale > 0 && scaleOfAll > 0
      ? yarnMagnitude(factor, scale) / yarnMagnitude(factor, scaleOfAll)
      : yarnMagnitude(factor, 1);
  return {
    type: "yarn",
    factor,
    // As there, 0 counts as absent.
    betaFast: readOptional(rope, "beta_fast") || 32,
    betaSlow: readOptional(rope, "beta_slow") || 1,
    isTruncated: rope.boolean("truncate", true),
    originalContextTokens,
    attentionFactor: readOptional(rope, "attention_factor") ?? attentionFactor,
  };
}

function yarnMagnitude(factor: number, scale: number): number {
  return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
}

function readLongrope(fields: ScalingFields): RopeScaling {
  const { rope, contextTokens } = fields;
  const originalContextTokens = readOriginalContext(fields);
  const ratio = contextTokens / originalContextTokens;
  const factor = readOptional(rope, "factor") ?? ratio;
  const attentionFactor = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalContextTokens));
  return {
    type: "longrope",
    shortFactors: readFactors(fields, "short_factor"),
    longFactors: readFactors(fields, "long_factor"),
    originalContextTokens,
    attentionFactor: readOptional(rope, "attention_factor") ?? attentionFactor,
  };
}

/** One number for each pair of features. */
function readFactors({ rope, headDim, dim = headDim }: ScalingFields, name: string): readonly number[] {
  const values = rope.raw(name);
  const isFactor = (value: unknown): value is number =>
    typeof value === "number" && value > 0 && value <= maxFactor;
  if (Array.isArray(values) && values.length === dim / 2 && values.every(isFactor)) return values;
  const got = Array.isArray(values) ? `${values.length} values` : undefined;
  const expected = `${dim / 2} numbers above 0 and at most ${maxFactor}`;
  throw rope.invalid(name, expected, got === undefined ? {} : { got });
}

/** The config's own field takes precedence over that of the scaling. */
function readOriginalContext({ rope, config, contextTokens, dialect }: ScalingFields): number {
  const name = "original_max_position_embeddings";
  if (dialect.originalContextTokens !== undefined && !config.has(name)) return dialect.originalContextTokens;
  const holder = [config, rope].find((fields) => fields.has(name));
  return holder?.integer(name, { max: maxContextTokens }) ?? contextTokens;
}

function readFactor(rope: ConfigFields, name: string): number {
  return rope.number(name, { above: 0, max: maxFactor });
}

function readOptional(rope: ConfigFields, name: string): number | undefined {
  return rope.has(name) ? rope.number(name, { min: 0, max: maxFactor }) : undefined;
}
