import type { ModelConfig, RopeScaling, Rotary } from "@infernode/models";

/** Cosines and sines of the angles of one rotation. */
export interface RopeTable {
  readonly positionCount: number;
  /** `(positionCount, dim / 2)` */
  readonly cos: Float32Array;
  /** `(positionCount, dim / 2)` */
  readonly sin: Float32Array;
}

/** Bytes of all tables: cosines and sines together. */
export function ropeTableBytes({ rotaries }: Pick<ModelConfig, "rotaries">, positionCount: number): number {
  const pairCount = rotaries.reduce((sum, { dim }) => sum + dim / 2, 0);
  return 2 * positionCount * pairCount * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * Fills the rows of `cos` and `sin` for the positions from `start` to `end`. Frequencies and angles are rounded to
 * 32 bits where `transformers` does: at long contexts the difference shows in the logits.
 */
export function fillRopeRows(rotary: Rotary, table: RopeTable, rows: { start: number; end: number }): void {
  const frequencies = rotaryFrequencies(rotary);
  const half = frequencies.length;
  const factor = rotary.scaling.type === "yarn" ? rotary.scaling.attentionFactor : 1;
  for (let position = rows.start; position < rows.end; position += 1) {
    for (let index = 0; index < half; index += 1) {
      const angle = Math.fround(position * (frequencies[index] ?? 0));
      table.cos[position * half + index] = factor * Math.cos(angle);
      table.sin[position * half + index] = factor * Math.sin(angle);
    }
  }
}

/**
 * Computes the angle per position of each of the `dim / 2` pairs, in radians, after scaling.
 *
 * @see https://arxiv.org/abs/2104.09864, and transformers, `modeling_rope_utils.py`
 */
export function rotaryFrequencies({ dim, theta, scaling }: Rotary): Float32Array {
  const half = dim / 2;
  if (scaling.type === "yarn") return yarnFrequencies({ dim, theta, scaling });
  const frequencies = new Float32Array(half);
  for (let index = 0; index < half; index += 1) {
    const frequency = Math.fround(1 / Math.fround(theta ** (index / half)));
    frequencies[index] = scaleFrequency(frequency, index, scaling);
  }
  return frequencies;
}

type Yarn = Extract<RopeScaling, { readonly type: "yarn" }>;

/** Long wavelengths are scaled, short ones kept, those between interpolated by the number of the pair. */
function yarnFrequencies({ dim, theta, scaling }: Rotary & { readonly scaling: Yarn }): Float32Array {
  const { betaFast, betaSlow, isTruncated, originalContextTokens, factor } = scaling;
  /** The pair, with a fraction, that turns this often within the original context. */
  const pairAt = (turns: number): number =>
    (dim * Math.log(originalContextTokens / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairAt(betaFast), pairAt(betaSlow)];
  const low = Math.max(isTruncated ? Math.floor(first) : first, 0);
  const high = Math.min(isTruncated ? Math.ceil(last) : last, dim - 1);
  const span = low === high ? 0.001 : high - low;
  return Float32Array.from({ length: dim / 2 }, (_, index) => {
    const wavelength = Math.fround(theta ** ((2 * index) / dim));
    const kept = 1 - Math.min(1, Math.max(0, (index - low) / span));
    return (1 - kept) / (factor * wavelength) + kept / wavelength;
  });
}

function scaleFrequency(
  frequency: number,
  index: number,
  scaling: Exclude<RopeScaling, { readonly type: "yarn" }>,
): number {
  switch (scaling.type) {
    case "none":
    case "dynamic":
      return frequency;
    case "linear":
      return frequency / scaling.factor;
    case "by-frequency":
      return frequency / (scaling.divisors[index] ?? 1);
    case "llama3": {
      // Long wavelengths are scaled, short ones kept, those between interpolated.
      const turns = (scaling.originalContextTokens * frequency) / (2 * Math.PI);
      if (turns < scaling.lowFrequencyFactor) return frequency / scaling.factor;
      if (turns > scaling.highFrequencyFactor) return frequency;
      const kept =
        (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
      return (1 - kept) * (frequency / scaling.factor) + kept * frequency;
    }
    default:
      return scaling satisfies never;
  }
}
