import type { MemoryBlockPort, MemoryPort } from "../../../ports.ts";
import type { ForwardBatch } from "../../executor.ts";
import { adapterInputNames } from "../graph/adapter-products.ts";
import type { OnnxCall, TensorBuffer } from "../runtime/runtime.ts";
import type { AdaptedProduct, AdapterStore } from "../../adapters/adapter-store.ts";

const floatBytes = 4;

/** Rows of the stacked matrices, from the first to the last of the adapters that a call uses. */
interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Sequences of a call. */
interface CallSlots {
  readonly first: number;
  readonly count: number;
}

/** Bytes of the masks. */
export function maskBytes(
  maxSequences: number,
  { maxAdapters, maxRank }: { readonly maxAdapters: number; readonly maxRank: number },
): number {
  return (maxSequences + 1) * maxAdapters * maxRank * floatBytes;
}

/**
 * Binds the matrices of those adapters to a call that its sequences use. A call computes with the rows of the stacked
 * matrices from the first of them to the last; a mask says for each sequence which are its own.
 */
export class AdapterInputs {
  /** By slot: the place of its sequence's adapter. */
  readonly #places: Int32Array;
  readonly #store: AdapterStore;
  readonly #block: MemoryBlockPort;
  /** `(maxSequences, rows)`, of a call of several sequences. */
  readonly #masks: Float32Array;
  /** Of a call of one sequence: its rows are its own. */
  readonly #ones: Float32Array;
  /** What each call was last bound to. */
  readonly #bound = new WeakMap<OnnxCall, string>();

  constructor(
    store: AdapterStore,
    maxSequences: number,
    { memory, model }: { readonly memory: MemoryPort; readonly model: string },
  ) {
    this.#store = store;
    this.#places = new Int32Array(maxSequences);
    this.#block = memory.allocate({
      sizeBytes: maskBytes(maxSequences, store),
      tag: { model, purpose: "workspace", label: "masks of adapters" },
      alignmentBytes: 64,
    });
    const { buffer, byteOffset, byteLength } = this.#block.bytes;
    const numbers = new Float32Array(buffer, byteOffset, byteLength / floatBytes);
    const rowCount = store.maxAdapters * store.maxRank;
    this.#ones = numbers.subarray(0, rowCount).fill(1);
    this.#masks = numbers.subarray(rowCount).fill(0);
  }

  /** Notes the adapter of each sequence of a batch. */
  place({ chunkCount, slots, adapters }: ForwardBatch): void {
    for (let chunk = 0; chunk < chunkCount; chunk += 1) this.#places[slots[chunk]!] = adapters?.[chunk] ?? 0;
  }

  /** The inputs of a new call, with no adapter. */
  initial(): readonly TensorBuffer[] {
    return this.#store.products.flatMap((product) => this.#inputsOf(product, { start: 0, end: 0 }, 1));
  }

  /** Prepares a call for the adapters of its sequences. */
  prepare(call: OnnxCall, slots: CallSlots): void {
    const range = this.#rangeOf(slots);
    const { version } = this.#store;
    const isNone = range.start === range.end;
    const maskRows = slots.count === 1 || isNone ? 1 : slots.count;
    if (maskRows > 1) this.#fillMasks(slots, range);
    const users = this.#usersOf(slots);
    const key = isNone ? "" : `${version} ${users.join(",")}`;
    if ((this.#bound.get(call) ?? "") === key) return;
    for (const product of this.#store.products) {
      const isUsed = users.some((place) => product.isChangedBy[place] === 1);
      const own = isUsed ? range : { start: 0, end: 0 };
      for (const input of this.#inputsOf(product, own, isUsed ? maskRows : 1)) call.rebind(input);
    }
    this.#bound.set(call, key);
  }

  dispose(): void {
    this.#block.dispose();
  }

  /** The places of adapters that the sequences of a call use, in order. */
  #usersOf({ first, count }: CallSlots): readonly number[] {
    const users = new Set<number>();
    for (let slot = first; slot < first + count; slot += 1) {
      const place = this.#places[slot] ?? 0;
      if (place > 0) users.add(place);
    }
    return [...users].toSorted((a, b) => a - b);
  }

  #rangeOf(slots: CallSlots): RowRange {
    const { maxRank } = this.#store;
    const users = this.#usersOf(slots);
    const [first] = users;
    const last = users.at(-1);
    if (first === undefined || last === undefined) return { start: 0, end: 0 };
    return { start: (first - 1) * maxRank, end: (last - 1) * maxRank + this.#store.rankAt(last) };
  }

  #fillMasks({ first, count }: CallSlots, { start, end }: RowRange): void {
    const width = end - start;
    const { maxRank } = this.#store;
    this.#masks.fill(0, 0, count * width);
    for (let row = 0; row < count; row += 1) {
      const place = this.#places[first + row] ?? 0;
      if (place === 0) continue;
      const from = row * width + (place - 1) * maxRank - start;
      this.#masks.fill(1, from, from + this.#store.rankAt(place));
    }
  }

  #inputsOf(product: AdaptedProduct, { start, end }: RowRange, maskRows: number): readonly TensorBuffer[] {
    const names = adapterInputNames(product.weightName);
    const width = end - start;
    const matrix = (name: string, numbers: Float32Array, columns: number): TensorBuffer => ({
      name,
      dtype: "float32",
      shape: [width, columns],
      bytes: bytesOf(numbers, start * columns, end * columns),
    });
    const masks = maskRows === 1 ? this.#ones : this.#masks;
    return [
      matrix(names.down, product.down, product.inputSize),
      matrix(names.up, product.up, product.outputSize),
      {
        name: names.mask,
        dtype: "float32",
        shape: [maskRows, width],
        bytes: bytesOf(masks, 0, maskRows * width),
      },
    ];
  }
}

function bytesOf(numbers: Float32Array, start: number, end: number): Uint8Array {
  const offset = numbers.byteOffset + start * floatBytes;
  return new Uint8Array(numbers.buffer, offset, (end - start) * floatBytes);
}
