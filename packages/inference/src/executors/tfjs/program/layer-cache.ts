import type { KvSlots } from "../../slots/kv-slots.ts";
import { float32 } from "../../typed-views.ts";
import type { TensorFlow, TfTensor } from "../runtime/tensorflow.ts";
import type { PassSequence } from "./pass.ts";

/** Positions of one slot. */
interface SlotRange {
  readonly slot: number;
  readonly first: number;
  readonly end: number;
}

/** Keys and values of one layer, `(slots, kvHeads, capacity, headDim)`. */
export class LayerCache {
  readonly #keys: Float32Array;
  readonly #values: Float32Array;
  readonly #shape: KvSlots["shape"];

  constructor(kv: KvSlots, layerIndex: number) {
    const [keys, values] = kv.layer(layerIndex);
    this.#keys = float32(keys);
    this.#values = float32(values);
    this.#shape = kv.shape;
  }

  /** Writes the rows of a sequence; `keys` and `values` are `(rows, kvHeads, headDim)`. */
  append(sequence: PassSequence, keys: Float32Array, values: Float32Array): void {
    const { kvHeadCount, headDim } = this.#shape;
    for (let row = 0; row < sequence.rowCount; row += 1) {
      for (let head = 0; head < kvHeadCount; head += 1) {
        const from = ((sequence.firstRow + row) * kvHeadCount + head) * headDim;
        const to = this.#start(sequence.slot, head, sequence.startPosition + row);
        this.#keys.set(keys.subarray(from, from + headDim), to);
        this.#values.set(values.subarray(from, from + headDim), to);
      }
    }
  }

  keys(tf: TensorFlow, range: SlotRange): TfTensor {
    return this.#read(tf, this.#keys, range);
  }

  values(tf: TensorFlow, range: SlotRange): TfTensor {
    return this.#read(tf, this.#values, range);
  }

  /** Copies: a backend may take the array as its own. */
  #read(tf: TensorFlow, numbers: Float32Array, { slot, first, end }: SlotRange): TfTensor {
    const { kvHeadCount, headDim } = this.#shape;
    const size = (end - first) * headDim;
    const copy = new Float32Array(kvHeadCount * size);
    for (let head = 0; head < kvHeadCount; head += 1) {
      const start = this.#start(slot, head, first);
      copy.set(numbers.subarray(start, start + size), head * size);
    }
    return tf.tensor(copy, [kvHeadCount, end - first, headDim]);
  }

  #start(slot: number, head: number, position: number): number {
    const { kvHeadCount, capacityTokens, headDim } = this.#shape;
    return ((slot * kvHeadCount + head) * capacityTokens + position) * headDim;
  }
}
