import type { ConfigFields } from "./config-fields.ts";
import type { RopeScaling } from "./model-config.ts";

/** What a scaling follows from, beside its own fields. */
export interface ScalingShape {
  readonly contextTokens: number;
}

const maxFactor = 1e6;
const maxContextTokens = 2 ** 30;

/** By name; none of them changes how many features rotate. */
const readers: ReadonlyMap<unknown, (fields: ScalingFields) => RopeScaling> = new Map([
  ["default", (): RopeScaling => ({ type: "none" })],
  ["linear", ({ rope }): RopeScaling => ({ type: "linear", factor: readFactor(rope, "factor") })],
  ["dynamic", ({ rope }): RopeScaling => ({ type: "dynamic", factor: readFactor(rope, "factor") })],
  ["llama3", readLlama3],
  ["yarn", readYarn],
]);

interface ScalingFields extends ScalingShape {
  readonly rope: ConfigFields;
  readonly config: ConfigFields;
}

/**
 * Reads the scaling of a rotation.
 *
 * @throws ModelError `UNSUPPORTED_ROPE_SCALING`, `INVALID_CONFIG`
 * @see transformers, `modeling_rope_utils.py`
 */
export function readScaling(
  rope: ConfigFields | undefined,
  config: ConfigFields,
  { contextTokens }: ScalingShape,
): RopeScaling {
  if (rope === undefined) return { type: "none" };
  const read = readers.get(rope.raw("rope_type") ?? rope.raw("type") ?? "default");
  if (read !== undefined) return read({ rope, config, contextTokens });
  const names = [...readers.keys()].join(", ");
  throw rope.invalid(rope.has("rope_type") ? "rope_type" : "type", `one of ${names}`, {
    code: "UNSUPPORTED_ROPE_SCALING",
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

/** The config's own field takes precedence over that of the scaling. */
function readOriginalContext({ rope, config, contextTokens }: ScalingFields): number {
  const name = "original_max_position_embeddings";
  const holder = [config, rope].find((fields) => fields.has(name));
  return holder?.integer(name, { max: maxContextTokens }) ?? contextTokens;
}

function readFactor(rope: ConfigFields, name: string): number {
  return rope.number(name, { above: 0, max: maxFactor });
}

function readOptional(rope: ConfigFields, name: string): number | undefined {
  return rope.has(name) ? rope.number(name, { min: 0, max: maxFactor }) : undefined;
}
