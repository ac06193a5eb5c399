import { ModelError } from "./errors.ts";
import type { ModelConfig, RopeScaling } from "./model-config.ts";

/** Angles of the rotary embedding, ready to look up by position. */
export interface RopeTable {
  readonly positionCount: number;
  /** Half of `headDim`: feature `i` is rotated with feature `i + halfDim`. */
  readonly halfDim: number;
  /** `(positionCount, halfDim)`, row-major. */
  readonly cos: Float32Array;
  /** `(positionCount, halfDim)`, row-major. */
  readonly sin: Float32Array;
}

/**
 * Computes cosines and sines for the positions from 0 to `positionCount`. The arithmetic is 64-bit, but
 * frequencies and angles are rounded to 32 bits where `transformers` holds them so, which keeps long
 * contexts equal to the reference.
 *
 * @throws ModelError `INVALID_ARGUMENT`
 */
export function createRopeTable(config: ModelConfig, positionCount: number): RopeTable {
  if (!Number.isSafeInteger(positionCount) || positionCount < 1) {
    throw new ModelError(
      "INVALID_ARGUMENT",
      `positionCount must be an integer of at least 1, found ${positionCount}`,
    );
  }
  const frequencies = ropeFrequencies(config);
  const halfDim = frequencies.length;
  const cos = new Float32Array(positionCount * halfDim);
  const sin = new Float32Array(positionCount * halfDim);
  for (let position = 0; position < positionCount; position += 1) {
    const row = position * halfDim;
    for (const [feature, frequency] of frequencies.entries()) {
      const angle = Math.fround(position * frequency);
      cos[row + feature] = Math.cos(angle);
      sin[row + feature] = Math.sin(angle);
    }
  }
  return { positionCount, halfDim, cos, sin };
}

/**
 * Computes the angle that each pair of features turns per position, scaling applied. Shape `(headDim / 2)`.
 *
 * @see transformers, `modeling_rope_utils.py` (`_compute_linear_scaling_rope_parameters`, `_compute_llama3_parameters`)
 */
export function ropeFrequencies(config: ModelConfig): Float32Array {
  const frequencies = new Float32Array(config.headDim / 2);
  for (let feature = 0; feature < frequencies.length; feature += 1) {
    const plain = Math.fround(1 / Math.fround(config.ropeTheta ** ((2 * feature) / config.headDim)));
    frequencies[feature] = scaledFrequency(plain, config.ropeScaling);
  }
  return frequencies;
}

function scaledFrequency(frequency: number, scaling: RopeScaling): number {
  switch (scaling.type) {
    case "none":
      return frequency;
    case "linear":
      return frequency / scaling.factor;
    case "llama3": {
      const waveLength = (2 * Math.PI) / frequency;
      const { originalContextTokens: context, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
      if (waveLength < context / high) {
        return frequency;
      }
      if (waveLength > context / low) {
        return frequency / scaling.factor;
      }
      const share = (context / waveLength - low) / (high - low);
      return ((1 - share) * frequency) / scaling.factor + share * frequency;
    }
  }
}
