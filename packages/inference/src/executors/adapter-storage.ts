/** What an adapter changes in one product of the network. */
export interface AdapterTarget {
  /** The name of the product's weight. */
  readonly weightName: string;
  readonly rank: number;
}

/** The change of one product: it adds `x · downᵀ · up` to `x · weightᵀ`. */
export interface AdapterChange {
  /** `(rank, in)` */
  readonly down: Float32Array;
  /** `(rank, out)` */
  readonly up: Float32Array;
}

/** A LoRA adapter to be read into memory; `LoraAdapter` of `@infernode/models` fits. */
export interface AdapterSource {
  /** The largest of its targets. */
  readonly rank: number;
  /** Each product once. */
  readonly targets: readonly AdapterTarget[];
  read(target: AdapterTarget): Promise<AdapterChange>;
}

/**
 * Memory for adapters in numbered places from 1 on, which a batch refers to; 0 stands for the model as it is. The caller
 * decides which adapter is where, and loads none into a place that a sequence still uses.
 */
export interface AdapterStorage {
  readonly maxAdapters: number;
  readonly maxRank: number;
  /**
   * Reads an adapter into a place, in which nothing is then if that fails. May run beside a forward.
   * @throws InferenceError `INVALID_ADAPTER` for one that does not fit the network or its memory, and for numbers that
   * could make others than its own infinite
   */
  load(place: number, adapter: AdapterSource): Promise<void>;
  unload(place: number): void;
  /**
   * Tells what was loaded into a place from all that was loaded before, so that keys and values that were cached with
   * another adapter are not used; 0 where nothing is.
   */
  loadIdAt(place: number): number;
}
