import type { CudaDevice, CudaMemoryPool, CudaStream, PinnedBuffer } from "@infernode/memory/cuda";
import {
  isRowEdited,
  maskWords,
  noMask,
  rowBounds,
  type RowEditCapacity,
  type RowEdits,
  rowPenalties,
} from "../../row-edits.ts";
import type { RowSampling } from "../../row-sampling.ts";
import type { EditInputName } from "../network/program.ts";
import { arrayBytes, type ArraySizes, DeviceArrays } from "./device-arrays.ts";

/** How much of edits a pass has room for. */
export interface EditSizes extends RowEditCapacity {
  /** Rows of logits. */
  readonly rows: number;
  readonly vocabSize: number;
}

/** Float64 in numbers of 32 bits. */
const doubleInts = 2;

/** Those of rows are copied whole, of the others what is used. */
function arraySizes({ rows, edits, masks, vocabSize }: EditSizes): ArraySizes<EditInputName> {
  return [
    ["penalties", rows * rowPenalties * doubleInts],
    ["maskIndices", rows],
    ["bounds", rows * rowBounds],
    ["editTokens", edits],
    ["editValues", edits * doubleInts],
    ["masks", masks * maskWords(vocabSize)],
  ];
}

/** Bytes of all arrays. */
export function editBytes(sizes: EditSizes): number {
  return arrayBytes(arraySizes(sizes));
}

/** The arrays that say what is changed of rows of logits, on the device. */
export class EditArrays {
  readonly sizes: EditSizes;
  readonly arrays: DeviceArrays<EditInputName>;

  constructor(
    sizes: EditSizes,
    owner: { readonly pool: CudaMemoryPool; readonly stream: CudaStream; readonly model: string },
  ) {
    this.sizes = sizes;
    this.arrays = new DeviceArrays(arraySizes(sizes), { ...owner, label: "edits" });
  }

  dispose(): void {
    this.arrays.dispose();
  }
}

/** Which rows of a batch a pass has. */
export interface PassRows {
  readonly firstRow: number;
  readonly rowCount: number;
}

/** What is changed of the rows of a pass: written to pinned memory, then copied to the arrays of the device. */
export class EditInputs {
  readonly #device: EditArrays;
  readonly #pinned: PinnedBuffer;
  readonly #views: Readonly<Record<EditInputName, Int32Array>>;
  readonly #penalties: Float64Array;
  readonly #values: Float64Array;
  readonly #masks: Uint32Array;
  #editCount = 0;
  #maskCount = 0;

  constructor(arrays: EditArrays, device: CudaDevice) {
    this.#device = arrays;
    this.#pinned = device.createPinnedBuffer(editBytes(arrays.sizes));
    this.#views = arrays.arrays.viewsOf(this.#pinned.bytes);
    const { penalties, editValues, masks } = this.#views;
    this.#penalties = new Float64Array(penalties.buffer, penalties.byteOffset, penalties.length / doubleInts);
    this.#values = new Float64Array(editValues.buffer, editValues.byteOffset, editValues.length / doubleInts);
    this.#masks = new Uint32Array(masks.buffer, masks.byteOffset, masks.length);
  }

  /** Writes down what is changed of rows that are sampled. Returns `false`, and writes nothing, where nothing is. */
  write({ edits, isSampled }: RowSampling, { firstRow, rowCount }: PassRows): boolean {
    if (edits === undefined) return false;
    let isAnyEdited = false;
    for (let row = 0; row < rowCount && !isAnyEdited; row += 1) {
      isAnyEdited = isSampled[firstRow + row] === 1 && isRowEdited(edits, firstRow + row);
    }
    if (!isAnyEdited) return false;
    const { bounds, maskIndices, editTokens } = this.#views;
    const end = firstRow + rowCount;
    bounds.set(edits.bounds.subarray(firstRow * rowBounds, end * rowBounds));
    this.#penalties.set(edits.penalties.subarray(firstRow * rowPenalties, end * rowPenalties));
    maskIndices.set(edits.maskIndices.subarray(firstRow, end));
    for (let row = 0; row < rowCount; row += 1) {
      if (isSampled[firstRow + row] === 1) continue;
      bounds.fill(0, row * rowBounds, (row + 1) * rowBounds);
      maskIndices[row] = noMask;
    }
    this.#writeShared(edits, editTokens);
    return true;
  }

  /** Queues the copies to the device. What was written must stay until they have run. */
  send(stream: CudaStream): void {
    const { arrays, sizes } = this.#device;
    const { bytes } = this.#pinned;
    const [edits, masks] = [this.#editCount, this.#maskCount * maskWords(sizes.vocabSize)];
    arrays.copyFrom(bytes, { from: "penalties", to: "editTokens", count: edits }, stream);
    if (edits > 0) {
      arrays.copyFrom(bytes, { from: "editValues", to: "editValues", count: doubleInts * edits }, stream);
    }
    if (masks > 0) arrays.copyFrom(bytes, { from: "masks", to: "masks", count: masks }, stream);
  }

  dispose(): void {
    this.#pinned.dispose();
  }

  /** What rows refer to: all of the batch. */
  #writeShared({ tokenIds, values, editCount, masks, maskCount }: RowEdits, editTokens: Int32Array): void {
    this.#editCount = editCount;
    this.#maskCount = maskCount;
    editTokens.set(tokenIds.subarray(0, editCount));
    this.#values.set(values.subarray(0, editCount));
    this.#masks.set(masks.subarray(0, maskCount * maskWords(this.#device.sizes.vocabSize)));
  }
}
