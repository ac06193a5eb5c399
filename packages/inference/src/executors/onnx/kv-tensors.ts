import { exactKvNames, kvNames, type KvNames, scaleNames } from "./graph/attention-operators.ts";
import type { KvSlots } from "../slots/kv-slots.ts";
import type { RoundedCache } from "./rounded-cache.ts";
import type { TensorBuffer } from "./runtime/runtime.ts";

/** Inputs and outputs of a call. */
export interface CallTensors {
  readonly inputs: TensorBuffer[];
  readonly outputs: TensorBuffer[];
}

/** The keys and values of `count` slots from `slot` on, each as past and present. */
export function kvTensors(
  slots: KvSlots,
  at: { readonly slot: number; readonly count: number },
  namesOf: (layerIndex: number) => KvNames = kvNames,
): CallTensors {
  const { kvHeadCount, capacityTokens, headDim, dtype } = slots.shape;
  const shape = [at.count, kvHeadCount, capacityTokens, headDim];
  const inputs: TensorBuffer[] = [];
  const outputs: TensorBuffer[] = [];
  for (const bytes of slots.views(at.slot, at.count)) {
    const names = namesOf(Math.floor(inputs.length / 2));
    const isKeys = inputs.length % 2 === 0;
    inputs.push({ name: isKeys ? names.pastKeys : names.pastValues, dtype, shape, bytes });
    outputs.push({ name: isKeys ? names.presentKeys : names.presentValues, dtype, shape, bytes });
  }
  return { inputs, outputs };
}

/** What a cache of int8 has beside it. */
export function roundedCacheTensors({ exact, scales }: RoundedCache): CallTensors {
  const { layerCount, kvHeadCount, headDim } = exact.shape;
  const { inputs, outputs } = kvTensors(exact, { slot: 0, count: 1 }, exactKvNames);
  const width = kvHeadCount * headDim;
  for (let row = 0; row < 2 * layerCount; row += 1) {
    const names = scaleNames(Math.floor(row / 2));
    const { buffer, byteOffset, byteLength } = scales.subarray(row * width, (row + 1) * width);
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    inputs.push({
      name: row % 2 === 0 ? names.keys : names.values,
      dtype: "float32",
      shape: [width],
      bytes,
    });
  }
  return { inputs, outputs };
}
