import type { ModelConfig, RopeScaling } from "@infernode/models";

/** Cosines and sines of the rotary angles. */
export interface RopeTable {
  readonly positionCount: number;
  /** `(positionCount, headDim / 2)` */
  readonly cos: Float32Array;
  /** `(positionCount, headDim / 2)` */
  readonly sin: Float32Array;
}

type RopeConfig = Pick<ModelConfig, "headDim" | "ropeTheta" | "ropeScaling">;

/** Bytes of a table: cosines and sines together. */
export function ropeTableBytes(config: RopeConfig, positionCount: number): number {
  return 2 * positionCount * (config.headDim / 2) * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * Fills the rows of `cos` and `sin` for the positions from `start` to `end`. Frequencies and angles are rounded to
 * 32 bits where `transformers` does: at long contexts the difference shows in the logits.
 */
export function fillRopeRows(
  config: RopeConfig,
  table: RopeTable,
  rows: { start: number; end: number },
): void {
  const frequencies = rotaryFrequencies(config);
  const half = frequencies.length;
  for (let position = rows.start; position < rows.end; position += 1) {
    for (let index = 0; index < half; index += 1) {
      const angle = Math.fround(position * (frequencies[index] ?? 0));
      table.cos[position * half + index] = Math.cos(angle);
      table.sin[position * half + index] = Math.sin(angle);
    }
  }
}

/**
 * Computes the angle per position of each of the `headDim / 2` pairs, in radians, after scaling.
 *
 * @see https://arxiv.org/abs/2104.09864, and transformers, `modeling_rope_utils.py`
 */
export function rotaryFrequencies(config: RopeConfig): Float32Array {
  const half = config.headDim / 2;
  const frequencies = new Float32Array(half);
  for (let index = 0; index < half; index += 1) {
    const frequency = Math.fround(1 / Math.fround(config.ropeTheta ** (index / half)));
    frequencies[index] = scaleFrequency(frequency, index, config.ropeScaling);
  }
  return frequencies;
}

function scaleFrequency(frequency: number, index: number, scaling: RopeScaling): number {
  switch (scaling.type) {
    case "none":
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
