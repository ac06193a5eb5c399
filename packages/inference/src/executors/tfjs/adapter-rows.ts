import type { AdapterStore } from "../adapters/adapter-store.ts";
import type { ForwardBatch } from "../executor.ts";
import type { PassAdapter, PassSequence } from "./program/pass.ts";

/** Which adapter each slot uses, and what it changes in a pass. */
export class AdapterRows {
  readonly store: AdapterStore;
  /** `(slots)` */
  readonly #places: Int32Array;

  constructor(store: AdapterStore, slotCount: number) {
    this.store = store;
    this.#places = new Int32Array(slotCount);
  }

  /** Notes the adapter of each sequence of a batch. */
  place({ chunkCount, slots, adapters }: ForwardBatch): void {
    for (let chunk = 0; chunk < chunkCount; chunk += 1) this.#places[slots[chunk]!] = adapters?.[chunk] ?? 0;
  }

  /** The adapters that change the product with a weight, for the rows of sequences. */
  of(weightName: string, sequences: readonly PassSequence[]): readonly PassAdapter[] {
    const places = new Set(sequences.map(({ slot }) => this.#places[slot]!));
    places.delete(0);
    const product = this.store.product(weightName);
    if (places.size === 0 || product === undefined) return [];
    return [...places]
      .filter((place) => product.isChangedBy[place] === 1)
      .map((place) => {
        const rank = this.store.rankAt(place);
        const rowsOf = (matrix: Float32Array, width: number): Float32Array => {
          const start = (place - 1) * this.store.maxRank * width;
          // A copy: a backend may take the array as its own.
          return matrix.slice(start, start + rank * width);
        };
        return {
          down: rowsOf(product.down, product.inputSize),
          up: rowsOf(product.up, product.outputSize),
          rank,
          mask: this.#maskOf(place, sequences),
        };
      });
  }

  #maskOf(place: number, sequences: readonly PassSequence[]): Float32Array | undefined {
    const isUser = ({ slot }: PassSequence): boolean => this.#places[slot] === place;
    if (sequences.every((each) => isUser(each))) return undefined;
    const rowCount = sequences.reduce((sum, each) => sum + each.rowCount, 0);
    const mask = new Float32Array(rowCount);
    for (const each of sequences) {
      if (isUser(each)) mask.fill(1, each.firstRow, each.firstRow + each.rowCount);
    }
    return mask;
  }
}
