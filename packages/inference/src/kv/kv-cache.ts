/** What the KV cache has of one sequence. Changed by the cache only, but for what says otherwise. */
export class CachedSequence {
  /**
   * The tokens it was admitted with: its prompt, or all its tokens after a preemption. With storage in slots, sequences
   * with the same array compute it once, and the others get a copy; only those of one request have the same array.
   */
  readonly tokenIds: Int32Array;
  /** Tokens whose keys and values are cached. */
  tokenCount: number = 0;
  /** With storage in slots: the slot of its keys and values; may change between two forward passes. */
  slot: number = -1;
  /** With storage in pages: its pages, in the order of its positions. */
  readonly pageIds: number[] = [];
  /** How many of its pages, from the first on, are known as those of their tokens and all before. */
  knownPageCount: number = 0;
  /** How often one of its pages was taken for another one; those that it had before did not change otherwise. */
  replacedPageCount: number = 0;
  /** Tokens that it shared with others when it was admitted; in pages only. */
  sharedTokenCount: number = 0;

  /** Its chunk in the batch that runs, where it has one. Kept by the scheduler. */
  runningChunk: number = -1;

  constructor(tokenIds: Int32Array) {
    this.tokenIds = tokenIds;
  }
}

/** What the rows of a batch's block tables have, so that a row of the same sequence gets its new pages only. */
export class PlacedPages {
  /** `(rows)` */
  readonly #sequences: (CachedSequence | undefined)[] = [];
  readonly #pageCounts: number[] = [];
  readonly #replacedPageCounts: number[] = [];

  /** Writes down that a row gets all pages of a sequence; returns how many it has already. */
  place(row: number, sequence: CachedSequence): number {
    const { pageIds, replacedPageCount } = sequence;
    const isKept = this.#sequences[row] === sequence && this.#replacedPageCounts[row] === replacedPageCount;
    const kept = isKept ? Math.min(this.#pageCounts[row]!, pageIds.length) : 0;
    this.#sequences[row] = sequence;
    this.#pageCounts[row] = pageIds.length;
    this.#replacedPageCounts[row] = replacedPageCount;
    return kept;
  }
}

/** The part of a batch that the cache reads, and where its sequences are, which the cache writes. */
export interface PlacedBatch {
  /** Of each chunk. */
  readonly sequences: readonly { readonly cached: CachedSequence | undefined }[];
  /** Tokens in each chunk. */
  readonly lengths: Int32Array;
  /** Written with storage in slots: the slot of each chunk's sequence. */
  readonly slots: Int32Array;
  /** Written with storage in pages: the pages of each chunk's sequence, row by row. */
  readonly blockTables: Int32Array;
  /** What `blockTables` has; nothing else writes there. [nothing] */
  readonly placedPages?: PlacedPages;
}

/**
 * Decides which tokens of which sequences are cached, and where in an executor's storage. Callers release no sequence that
 * is in a running forward pass, but where later passes write behind it: with storage in pages, while steps run ahead.
 */
export interface KvCache {
  /** Tokens that fit in total, over all sequences. */
  readonly capacityTokens: number;
  /** The longest that one sequence can get. */
  readonly sequenceCapacityTokens: number;
  readonly maxSequences: number;
  /** Entries in a row of a batch's block tables; 0 with storage in slots. */
  readonly blockTableStride: number;
  /** Whether tokens stay cached after a release, for sequences that begin with the same. */
  readonly hasPrefixCache: boolean;
  /** Share in use, in [0, 1]; what is kept of released sequences is not in use. */
  usage(): number;
  /**
   * Admits a sequence that begins with `tokenIds` and may become `maxTokens` long; `undefined` when there is no room
   * now. The result's `tokenCount` says how many of the tokens are cached already, because another sequence has
   * them; never the last, whose logits are needed. A preempted sequence is admitted again with all its tokens.
   *
   * @param scope sequences of one scope share tokens; keys and values of equal tokens differ between adapters [0]
   */
  admit(tokenIds: Int32Array, maxTokens: number, scope?: number): CachedSequence | undefined;
  /** Whether another sequence is computing tokens of this one, which it shares, or gets a copy of, when they are cached. */
  isWaitingForPrefix(sequence: CachedSequence): boolean;
  /**
   * Makes room for `tokenCount` tokens beyond the cached ones, which a forward pass is about to compute; `false` when
   * a sequence must be preempted first. There is room for the tokens that a sequence was admitted with.
   */
  grow(sequence: CachedSequence, tokenCount: number): boolean;
  /**
   * Records that the next `tokenCount` tokens were computed and accepted. Tokens computed beyond these, such as
   * rejected proposals, are not cached: the sequence goes on after the accepted ones.
   *
   * @param generatedTokenIds begins with those of the accepted tokens that the sequence was not admitted with
   */
  advance(sequence: CachedSequence, tokenCount: number, generatedTokenIds: readonly number[]): void;
  /** Frees the room of a sequence that is finished. */
  release(sequence: CachedSequence): void;
  /**
   * Frees the room of a sequence that is to be admitted again; returns the tokens it was admitted with and all that were
   * cached since.
   *
   * @throws InferenceError `KV_CACHE_FULL` with storage in slots, where no sequence needs the room of another
   */
  preempt(sequence: CachedSequence): Int32Array;
  /** Puts sequences where the next forward pass needs them, and writes the batch's slots or block tables. */
  place(batch: PlacedBatch): void;
}
