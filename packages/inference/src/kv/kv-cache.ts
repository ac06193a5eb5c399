/** What the KV cache has of one sequence. Changed by the cache only. */
export class CachedSequence {
  /**
   * The tokens it was admitted with: its prompt, or all its tokens after a preemption. Sequences with the same array
   * compute it once; the others get a copy. Only those of one request have the same array, and the same adapter: keys
   * and values of equal tokens differ between adapters.
   */
  readonly tokenIds: Int32Array;
  /** The slot of its keys and values; may change between two forward passes. */
  slot: number = -1;
  /** Tokens whose keys and values are cached. */
  tokenCount: number = 0;

  constructor(tokenIds: Int32Array) {
    this.tokenIds = tokenIds;
  }
}

/** The part of a batch that the cache reads, and the slots that it writes. */
export interface PlacedBatch {
  /** Of each chunk. */
  readonly sequences: readonly { readonly cached: CachedSequence | undefined }[];
  /** Tokens in each chunk. */
  readonly lengths: Int32Array;
  /** Written: the slot of each chunk's sequence. */
  readonly slots: Int32Array;
}

/**
 * Decides which tokens of which sequences are cached, and where in an executor's storage. Callers release no
 * sequence that is in a running forward pass.
 */
export interface KvCache {
  /** Tokens that fit in total, over all sequences. */
  readonly capacityTokens: number;
  /** The longest that one sequence can get. */
  readonly sequenceCapacityTokens: number;
  readonly maxSequences: number;
  /** Share in use, in [0, 1]. */
  usage(): number;
  /**
   * Admits a sequence that begins with `tokenIds` and may become `maxTokens` long; `undefined` when there is no room
   * now. The result's `tokenCount` says how many of the tokens are cached already, because another sequence has
   * them; never the last, whose logits are needed. A preempted sequence is admitted again with all its tokens.
   */
  admit(tokenIds: Int32Array, maxTokens: number): CachedSequence | undefined;
  /** Whether another sequence is computing the tokens of this one, which gets a copy when they are cached. */
  isWaitingForPrefix(sequence: CachedSequence): boolean;
  /**
   * Makes room for `tokenCount` tokens beyond the cached ones, which a forward pass is about to compute; `false` when
   * a sequence must be preempted first.
   */
  grow(sequence: CachedSequence, tokenCount: number): boolean;
  /**
   * Records that the next `tokenCount` tokens were computed and accepted. Tokens computed beyond these, such as
   * rejected proposals, are not cached: the sequence goes on after the accepted ones.
   */
  advance(sequence: CachedSequence, tokenCount: number): void;
  /** Frees the room of a sequence that is finished or preempted. */
  release(sequence: CachedSequence): void;
  /** Moves sequences to where the next forward pass needs them, and writes the batch's slots. */
  place(batch: PlacedBatch): void;
}
