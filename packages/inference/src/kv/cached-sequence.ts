/** What a KV cache holds of one sequence. Changed by the cache alone. */
export class CachedSequence {
  /** What it was admitted with. The same array in several sequences is computed once, and copied for the others. */
  readonly tokenIds: Int32Array;
  /** Where the keys and values are; may change between two forward passes. */
  slot: number = -1;
  /** Tokens whose keys and values are cached. */
  tokenCount: number = 0;

  constructor(tokenIds: Int32Array) {
    this.tokenIds = tokenIds;
  }
}
