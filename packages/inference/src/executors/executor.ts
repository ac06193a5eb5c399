import type { AdapterStorage } from "./adapter-storage.ts";
import type { RowEditCapacity } from "./row-edits.ts";
import type { RowSampling } from "./row-sampling.ts";

/**
 * One forward pass over chunks of several sequences, in flat arrays so that a step allocates nothing.
 * Valid until the call has resolved: the caller reuses the arrays.
 */
export interface ForwardBatch {
  /** How many entries of the arrays are used. */
  readonly chunkCount: number;
  /**
   * With storage in slots: `(chunkCount)` slot of each chunk's sequence; each at most once in a batch. Chunks of one
   * token are in the slots `0 … n − 1`, in any order, so that one call can decode them all.
   */
  readonly slots: Int32Array;
  /**
   * With storage in pages: `(chunkCount, blockTableStride)` the pages of each chunk's sequence, in the order of its
   * positions. Of row `i` the first `ceil((startPositions[i] + lengths[i]) / pageTokens)` entries are used. Pages that a
   * chunk writes to are in no other row; the others, whose positions are all cached, may be in several.
   */
  readonly blockTables?: Int32Array;
  /** Entries in a row of `blockTables`, used or not. */
  readonly blockTableStride?: number;
  /** `(chunkCount)` position of each chunk's first token in its sequence; all tokens before it are cached. */
  readonly startPositions: Int32Array;
  /** `(chunkCount)` tokens in each chunk: 1 for a decode, more for a part of a prompt or for proposals to verify. */
  readonly lengths: Int32Array;
  /**
   * `(chunkCount)` rows of logits, after the chunk's last tokens: 0 for none, 1 to sample the next token, up to the
   * chunk's length.
   */
  readonly logitCounts: Int32Array;
  /**
   * `(chunkCount)` how long each sequence is known to get, such as its prompt: what depends on the length of a sequence
   * can be computed for that from the first chunk on. [the end of the chunk]
   */
  readonly knownLengths?: Int32Array;
  /** `(chunkCount)` the place of each sequence's adapter, the same for all its chunks; 0 for none. [none] */
  readonly adapters?: Int32Array;
  /** `(sum of lengths)` token ids, chunk after chunk. */
  readonly tokenIds: Int32Array;
  /**
   * `(sum of lengths)` for tokens that the forward before this one samples, which may still run: the row of it, else −1. What
   * `tokenIds` has for them is not used. Only for executors that run ahead. [none]
   */
  readonly tokenSources?: Int32Array | undefined;
  /** Which rows of logits are sampled, and how; only for executors that sample. [none: all logits are returned] */
  readonly sampling?: RowSampling | undefined;
}

/** Rows of logits in batch order, by position in a chunk. Valid until the next forward that is not ahead of it. */
export interface ForwardResult {
  readonly rowCount: number;
  /** `(vocabSize)` view of row `index`, which was not sampled; the sampler may write to it. */
  row(index: number): Float32Array;
  /**
   * The token that was sampled from row `index`.
   * @throws InferenceError `EXECUTOR_FAILED` for NaN or infinite logits
   */
  tokenId?(index: number): number;
  /** Log-probabilities of row `index`, for which they were wanted; after `tokenId`. */
  logprobs?(index: number): RowLogprobs;
}

/** Natural logarithms, of a row of logits before it was edited. */
export interface RowLogprobs {
  /** Of the sampled token. */
  readonly logprob: number;
  /** Of the sampled token, from 1; of equally likely ones the last. */
  readonly rank: number;
  /** The likeliest in order, of equally likely ones the lower id first. */
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
}

/** A copy of keys and values from one slot to another, or a swap. */
export interface SlotMove {
  readonly from: number;
  readonly to: number;
  /** How many of the first positions of `from` go to `to`. */
  readonly fromTokens: number;
  /** How many of the first positions of `to` go to `from`; 0 for a copy. */
  readonly toTokens: number;
}

/**
 * Storage of keys and values in slots: contiguous memory for one sequence each. The engine (`kv/`) decides which
 * sequence has which slot and how many of its tokens are cached; the storage knows neither.
 */
export interface SlotStorage {
  readonly layout: "slots";
  readonly slotCount: number;
  /** Positions in a slot: the longest that one sequence can get. */
  readonly slotTokens: number;
  /** @throws InferenceError `INVALID_BATCH` when the slots have no such positions, or while a forward runs */
  move(move: SlotMove): void;
}

/**
 * Storage of keys and values in pages: memory for a few positions each, of which a sequence has as many as it needs. The
 * engine (`kv/`) decides which sequence has which pages, and passes block tables with each batch. Nothing is ever copied:
 * sequences that begin with the same tokens have the same full pages.
 */
export interface PagedStorage {
  readonly layout: "pages";
  readonly pageCount: number;
  /** Positions in a page. */
  readonly pageTokens: number;
  /** The longest that one sequence can get. */
  readonly sequenceTokens: number;
  /** Sequences at once. */
  readonly maxSequences: number;
  /** Whether sequences that begin alike may have the same pages: not where keys depend on a sequence's length. [true] */
  readonly isShareable?: boolean;
}

/** How an executor stores keys and values. */
export type KvStorage = SlotStorage | PagedStorage;

/**
 * How keys and values are cached: in 32 bits, as computed; in 16, about as precise as weights of 16 bits; or rounded to 8, in
 * about a quarter of the memory.
 */
export type KvCacheDtype = "float32" | "bfloat16" | "int8";

/** How they are cached in slots. */
export type SlotDtype = Exclude<KvCacheDtype, "bfloat16">;

/**
 * How exact inputs are in products with weights of 16 bits or in blocks: as they are, or rounded to 16 bits for tensor cores,
 * within about 2e-2 of the largest logit. Sums are of float32.
 */
export type ProductPrecision = "float32" | "16-bit";

/**
 * What computes products of many rows: the executor's own kernels, or NVIDIA's cuBLASLt where inputs and weights are of 16
 * bits.
 */
export type ProductLibrary = "none" | "cublasLt";

/** Planned bytes by purpose, before anything is loaded. */
export interface ExecutorMemoryPlan {
  /** With the matrices of adapters. */
  readonly weightsBytes: number;
  readonly kvCacheBytes: number;
  readonly activationsBytes: number;
  readonly workspaceBytes: number;
  readonly totalBytes: number;
  /** Where all of these are on a device: what is taken of the host's memory besides. [the host's memory has all] */
  readonly hostBytes?: number | undefined;
  readonly kvBytesPerToken: number;
  readonly kvCacheDtype: KvCacheDtype;
  /** `16-bit` where any product is. */
  readonly productPrecision: ProductPrecision;
  /** Of products of many rows; `workspaceBytes` has what it needs. */
  readonly productLibrary: ProductLibrary;
  /** Features of a head in the KV cache: those of the model, and zeros behind them where the runtime wants more. */
  readonly kvHeadDim: number;
  /** Where keys and values are stored in pages. */
  readonly kvPages?:
    | {
        readonly pageTokens: number;
        readonly pageCount: number;
        /** Whether they are kept after a request, for others that begin alike. */
        readonly isShareable: boolean;
      }
    | undefined;
  readonly maxSequences: number;
  readonly contextTokens: number;
}

/** Runs a network. Every executor passes one conformance suite (`testing.ts`). */
export interface Executor extends AsyncDisposable {
  /** Such as `onnx`. */
  readonly name: string;
  /** For logs: runtime, version, threads, path taken. */
  readonly description: string;
  readonly vocabSize: number;
  readonly plan: ExecutorMemoryPlan;
  readonly kvStorage: KvStorage;
  /** `undefined` where it was created for no adapters. */
  readonly adapterStorage?: AdapterStorage | undefined;
  /** Rows of logits that one forward has room for; a chunk without any counts as one. At least `plan.maxSequences`. */
  readonly maxLogitRows: number;
  /** Whether batches may ask for sampled rows. [false] */
  readonly canSample?: boolean;
  /** Where it samples: how much a forward may change of rows before. [nothing: such rows are not to be sampled] */
  readonly editCapacity?: RowEditCapacity | undefined;
  /** Where it samples: for how many of the likeliest tokens of a row it gives log-probabilities. [it gives none] */
  readonly maxTopCount?: number | undefined;
  /**
   * Whether one more forward may be begun while one runs of which all rows are sampled; it may take its tokens from those. Its
   * storage is in pages, which are read and written in the order of the calls. [false]
   */
  readonly canRunAhead?: boolean;
  /** Runs off the event loop. One call at a time, and one ahead of it where `canRunAhead`. */
  forward(batch: ForwardBatch): Promise<ForwardResult>;
  dispose(): Promise<void>;
}
