import type { StoredWeight, TensorDtype, WeightRef } from "@infernode/models";
import type { MemoryBlockPort, MemoryPort } from "../../../ports.ts";
import { float32 } from "../../typed-views.ts";
import { decodeNumbers, numberBytes } from "../../weights/decode-numbers.ts";
import { readTensorInto, readWeight } from "../../weights/read-weight.ts";

/** A matrix whose rows are looked up, in host memory: numbers as they are stored, blocks as float32. */
export class LookUpTable {
  readonly #ref: WeightRef;
  readonly #stored: StoredWeight;
  #block: MemoryBlockPort | undefined;

  constructor(ref: WeightRef, stored: StoredWeight) {
    this.#ref = ref;
    this.#stored = stored;
  }

  async load({ memory, model }: { readonly memory: MemoryPort; readonly model: string }): Promise<void> {
    const { bytes } = (this.#block = memory.allocate({
      sizeBytes: tableBytes(this.#ref, this.#stored),
      tag: { model, purpose: "weights", label: this.#ref.name },
      alignmentBytes: 64,
    }));
    if (this.#stored.encoding === "dense") await readTensorInto(this.#stored.data, bytes);
    else float32(bytes).set((await readWeight(this.#ref.name, this.#stored)).values);
  }

  rows(indices: Int32Array): Float32Array {
    const width = this.#ref.shape[1] ?? 0;
    const rows = new Float32Array(indices.length * width);
    const dtype = dtypeOf(this.#stored);
    const rowBytes = width * (numberBytes[dtype] ?? 0);
    const { bytes } = this.#block!;
    for (const [at, index] of indices.entries()) {
      const stored = bytes.subarray(index * rowBytes, (index + 1) * rowBytes);
      decodeNumbers(stored, dtype, rows.subarray(at * width, (at + 1) * width));
    }
    return rows;
  }

  dispose(): void {
    this.#block?.dispose();
    this.#block = undefined;
  }
}

/** Bytes that a table takes. */
export function tableBytes({ shape: [rows = 0, width = 0] }: WeightRef, stored: StoredWeight): number {
  return rows * width * (numberBytes[dtypeOf(stored)] ?? 0);
}

function dtypeOf(stored: StoredWeight): TensorDtype {
  return stored.encoding === "dense" ? stored.data.dtype : "F32";
}
