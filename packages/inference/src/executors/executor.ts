/**
 * One forward pass over parts of several sequences, laid out flat so that a step allocates nothing.
 * Valid during the call only; the caller uses the arrays again.
 */
export interface ForwardBatch {
  /** How many entries of the arrays below are used. */
  readonly chunkCount: number;
  /**
   * `(chunkCount)` slots of the KV storage, one per sequence; each at most once in a batch. Chunks of one token have
   * the slots `0 … n − 1`, in any order, so that one call can decode them all.
   */
  readonly slots: Int32Array;
  /** `(chunkCount)` position in its sequence of each chunk's first token; what lies before is in its slot. */
  readonly startPositions: Int32Array;
  /** `(chunkCount)` tokens in each chunk: 1 for a decode, more for a part of a prompt or proposals to verify. */
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

/** A copy of keys and values from one slot to another, or an exchange. */
export interface SlotMove {
  readonly from: number;
  readonly to: number;
  /** The first positions at `from`, which go to `to`. */
  readonly fromTokens: number;
  /** The first positions at `to`, which go to `from`; 0 where nothing there is in use. */
  readonly toTokens: number;
}

/**
 * Room for the keys and values of sequences, in slots of one contiguous stretch each. The engine decides which
 * sequence has which slot and how much of it is in use (`kv/`); the storage knows neither.
 */
export interface KvStorage {
  readonly slotCount: number;
  /** Positions in a slot: the longest that a sequence can get. */
  readonly slotTokens: number;
  /** @throws InferenceError `INVALID_BATCH` when the slots have no such positions, or while a forward runs */
  move(move: SlotMove): void;
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
  readonly kvStorage: KvStorage;
  /** Rows of logits that one forward has room for, a chunk counted as one at least. At least `kvStorage.slotCount`. */
  readonly maxLogitRows: number;
  /** Runs off the event loop. One call at a time. */
  forward(batch: ForwardBatch): Promise<ForwardResult>;
  dispose(): Promise<void>;
}
