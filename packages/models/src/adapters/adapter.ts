/** The change of one product: it adds `x · downᵀ · up` to `x · weightᵀ`. */
export interface AdapterChange {
  /** `(rank, in)`, in float32. */
  readonly down: Float32Array;
  /** `(rank, out)`, in float32: the transposed matrix of the file, multiplied with the scaling. */
  readonly up: Float32Array;
}

/** What an adapter changes in one product of the network. */
export interface AdapterTarget {
  /** Of the product. */
  readonly weightName: string;
  readonly rank: number;
}

/** A LoRA adapter whose files were checked against its base. Holds no numbers in memory. */
export interface LoraAdapter {
  /** Absolute. */
  readonly directory: string;
  /** The largest of its targets. */
  readonly rank: number;
  /** Products of the network, each once. */
  readonly targets: readonly AdapterTarget[];
  /**
   * Reads the change of a product.
   * @throws ModelError `FILE_UNREADABLE`
   */
  read(target: AdapterTarget): Promise<AdapterChange>;
  close(): Promise<void>;
}
