import type { CachedSequence } from "./cached-sequence.ts";

/** What of a batch a cache reads, and the places that it writes. */
export interface PlacedBatch {
  /** Of each chunk. */
  readonly sequences: readonly { readonly cached: CachedSequence | undefined }[];
  /** Tokens in each chunk. */
  readonly lengths: Int32Array;
  /** Written: where the keys and values of each chunk's sequence are. */
  readonly slots: Int32Array;
}

/**
 * Decides which tokens of which sequences have their keys and values in an executor's storage. It changes nothing
 * that a running forward pass uses; callers release no sequence that is in one.
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
   * Takes in a sequence that begins with `tokenIds` and may get `maxTokens` long; `undefined` when there is no room
   * now. The answer's `tokenCount` says how many of the tokens are cached already, as another sequence has them: not
   * the last, whose logits are wanted. A sequence that was preempted is admitted with all its tokens.
   */
  admit(tokenIds: Int32Array, maxTokens: number): CachedSequence | undefined;
  /** Whether another sequence computes the tokens of this one now, so that it gets a copy when they are cached. */
  isAwaiting(sequence: CachedSequence): boolean;
  /** Makes room for `tokenCount` tokens beyond those that are cached; `false` when a sequence must be preempted first. */
  grow(sequence: CachedSequence, tokenCount: number): boolean;
  /**
   * Records that the next `tokenCount` tokens were computed and accepted. Tokens that were computed beyond these,
   * such as rejected proposals, are not cached: the sequence goes on from the accepted ones.
   */
  advance(sequence: CachedSequence, tokenCount: number): void;
  /** Gives the room back, when a sequence ends or is preempted; what it computed is forgotten. */
  release(sequence: CachedSequence): void;
  /** Moves sequences to where the executor's next forward pass needs them, and writes the batch's slots. */
  place(batch: PlacedBatch): void;
}
