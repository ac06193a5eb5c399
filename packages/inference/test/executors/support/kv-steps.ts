import type { ModelConfig } from "@infernode/models";
import type { KvSteps } from "./reference-forward.ts";

/** The steps of a layer by the measured ranges of a cache of int8, `(layers, keys and values, kvHeads · cached features)`. */
export function kvStepsOf(
  ranges: Float32Array,
  { kvHeadCount, headDim }: Pick<ModelConfig, "kvHeadCount" | "headDim">,
  layerIndex: number,
): KvSteps {
  const cachedDim = 8 * Math.ceil(headDim / 8);
  const of = (part: number): number[] =>
    Array.from({ length: kvHeadCount }, (_, head) => {
      const first = ((2 * layerIndex + part) * kvHeadCount + head) * cachedDim;
      return [...ranges.subarray(first, first + headDim)].map((range) => range / 127);
    }).flat();
  return { keys: of(0), values: of(1) };
}
