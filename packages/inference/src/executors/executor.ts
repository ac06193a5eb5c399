/**
 * One forward pass over parts of several sequences, laid out flat so that a step allocates nothing.
 * Valid during the call only; the caller uses the arrays again.
 */
export interface ForwardBatch {
  /** How many entries of the arrays below are used. */
  readonly chunkCount: number;
  /** `(chunkCount)` ids that were given to `KvCache.acquire`; each at most once in a batch. */
  readonly sequenceIds: Int32Array;
  /** `(chunkCount)` position in its sequence of each chunk's first token; what lies before is in the cache. */
  readonly startPositions: Int32Array;
  /** `(chunkCount)` tokens in each chunk: 1 for a decode, more for a part of a prompt. */
  readonly lengths: Int32Array;
  /**
   * `(chunkCount)` after how many of the chunk's last tokens the logits are wanted: 0 for none, 1 for the
   * token that comes next, up to the chunk's length.
   */
  readonly logitCounts: Int32Array;
  /** `(sum of lengths)` token ids, chunk after chunk. */
  readonly tokenIds: Int32Array;
}

/** Logits where they were wanted, chunk after chunk, by position in a chunk. Valid until the next forward. */
export interface ForwardResult {
  readonly rowCount: number;
  /** `(vocabSize)` view of row `index`; may be written to by the sampler. */
  row(index: number): Float32Array;
}

/** Room for the keys and values of sequences. The executor decides how it is laid out. */
export interface KvCache {
  /** Tokens that fit in total, over all sequences. */
  readonly capacityTokens: number;
  /** The longest that one sequence can get. */
  readonly sequenceCapacityTokens: number;
  readonly maxSequences: number;
  /** Share in use, in [0, 1]. */
  usage(): number;
  /** Whether a sequence that may grow to `maxTokens` can be held now. */
  canAcquire(maxTokens: number): boolean;
  /** @throws InferenceError `KV_CACHE_FULL` when `canAcquire` is false */
  acquire(sequenceId: number, maxTokens: number): void;
  release(sequenceId: number): void;
  /**
   * Gives a sequence the keys and values of the first `tokenCount` tokens that another holds, as if it had
   * computed them. Not while a forward runs.
   * @throws InferenceError `INVALID_BATCH` when one has no room, or holds too little, or a forward runs
   */
  copyPrefix(fromId: number, toId: number, tokenCount: number): void;
}

/** Bytes by purpose. Made before anything is loaded. */
export interface ExecutorMemoryPlan {
  readonly weightsBytes: number;
  readonly kvCacheBytes: number;
  readonly activationsBytes: number;
  readonly workspaceBytes: number;
  readonly totalBytes: number;
  readonly kvBytesPerToken: number;
  readonly maxSequences: number;
  readonly contextTokens: number;
}

/** Runs a network. One conformance suite (`testing.ts`) holds for all. */
export interface Executor extends AsyncDisposable {
  /** Such as `onnx`. */
  readonly name: string;
  /** For people: runtime, version, threads, path taken. */
  readonly description: string;
  readonly vocabSize: number;
  readonly plan: ExecutorMemoryPlan;
  readonly kvCache: KvCache;
  /** Rows of logits that one forward has room for, a chunk counted as one at least. At least `kvCache.maxSequences`. */
  readonly maxLogitRows: number;
  /** Runs off the event loop. One call at a time. */
  forward(batch: ForwardBatch): Promise<ForwardResult>;
  dispose(): Promise<void>;
}
