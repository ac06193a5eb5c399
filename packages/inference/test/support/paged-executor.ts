import { InferenceError } from "../../src/errors.ts";
import { BlockTableCheck } from "../../src/executors/block-table-check.ts";
import { assertChunks } from "../../src/executors/assert-chunks.ts";
import { assertRowSampling } from "../../src/executors/assert-row-sampling.ts";
import type {
  Executor,
  ForwardBatch,
  ForwardResult,
  PagedStorage,
  RowEditCapacity,
} from "../../src/index.ts";
import { ForwardOrder } from "../../src/executors/forward-order.ts";
import { hashLogits } from "./fake-executor.ts";
import { sampleRows } from "./sample-rows.ts";

export interface PagedExecutorOptions {
  readonly vocabSize: number;
  readonly pageTokens: number;
  readonly pageCount: number;
  readonly maxSequences?: number;
  /** [maxSequences] */
  readonly maxLogitRows?: number;
  readonly contextTokens?: number;
  /** [true] */
  readonly canSample?: boolean;
  /** [room for any, where it samples] */
  readonly editCapacity?: RowEditCapacity | undefined;
  /** [20, where it samples] */
  readonly maxTopCount?: number | undefined;
  /** [false] */
  readonly canRunAhead?: boolean;
  /** `(vocabSize)` logits after a history of tokens. [a hash of the history] */
  readonly logits?: (history: readonly number[], row: Float32Array) => void;
  /** Awaited inside each forward, with the tokens in all pages before it. */
  readonly onForward?: (batch: ForwardBatch, pages: Int32Array) => Promise<void> | void;
}

const unwritten = -1;

/**
 * An executor whose keys and values are the tokens themselves, in pages: the logits after a token depend on all that its
 * block table finds, so that a wrong page is noticed.
 */
export function createPagedExecutor(options: PagedExecutorOptions): Executor {
  const { vocabSize, pageTokens, pageCount, maxSequences = 8, contextTokens = 128 } = options;
  const { maxLogitRows = maxSequences, canSample = true, canRunAhead = false, logits = hashLogits } = options;
  const anyEdits = { edits: 4096, masks: maxSequences };
  const maxTopCount = "maxTopCount" in options ? options.maxTopCount : 20;
  const editCapacity = "editCapacity" in options ? options.editCapacity : anyEdits;
  const kvStorage: PagedStorage = {
    layout: "pages",
    pageTokens,
    pageCount,
    sequenceTokens: contextTokens,
    maxSequences,
  };
  /** `(pageCount, pageTokens)` */
  const pages = new Int32Array(pageCount * pageTokens).fill(unwritten);
  const blockTables = new BlockTableCheck(kvStorage);
  const limits = {
    vocabSize,
    sequenceTokens: contextTokens,
    maxLogitRows,
    editCapacity,
    maxTopCount,
    rankAt: () => 0,
  };
  const order = new ForwardOrder({ canRunAhead });
  /** The last call, which may have ended. */
  let last: Promise<ForwardResult> | undefined;
  let isDisposed = false;

  const placeOf = (batch: ForwardBatch, chunk: number, position: number): number => {
    const page = batch.blockTables![chunk * batch.blockTableStride! + Math.floor(position / pageTokens)]!;
    return page * pageTokens + (position % pageTokens);
  };
  const write = (batch: ForwardBatch): void => {
    let offset = 0;
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      for (let at = 0; at < batch.lengths[chunk]!; at += 1, offset += 1) {
        pages[placeOf(batch, chunk, batch.startPositions[chunk]! + at)] = batch.tokenIds[offset]!;
      }
    }
  };
  const read = (batch: ForwardBatch): Float32Array[] => {
    const rows: Float32Array[] = [];
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      const end = batch.startPositions[chunk]! + batch.lengths[chunk]!;
      const history = Array.from({ length: end }, (_, position) => pages[placeOf(batch, chunk, position)]!);
      const unwrittenAt = history.indexOf(unwritten);
      if (unwrittenAt !== -1) throw new Error(`position ${unwrittenAt} of chunk ${chunk} was never written`);
      for (let length = end - batch.logitCounts[chunk]! + 1; length <= end; length += 1) {
        const row = new Float32Array(vocabSize);
        logits(history.slice(0, length), row);
        rows.push(row);
      }
    }
    return rows;
  };
  /** The batch with the tokens that the one before it gives; a token that cannot be sampled is 0. */
  const feed = (batch: ForwardBatch, before: ForwardResult | undefined): ForwardBatch => {
    const feedToken = (row: number): number => {
      try {
        return before!.tokenId!(row);
      } catch (error) {
        if (error instanceof InferenceError && error.code === "EXECUTOR_FAILED") return 0;
        throw error;
      }
    };
    const { tokenSources: sources } = batch;
    if (sources === undefined) return batch;
    const tokenIds = batch.tokenIds.map((id, at) =>
      (sources[at] ?? -1) === -1 ? id : feedToken(sources[at]!),
    );
    return { ...batch, chunkCount: batch.chunkCount, tokenIds };
  };
  const run = async (
    given: ForwardBatch,
    before: Promise<ForwardResult> | undefined,
  ): Promise<ForwardResult> => {
    // Where the one before it failed, so does this if it takes tokens from there.
    if (given.tokenSources === undefined) await before?.catch(() => {});
    const batch = feed(given, given.tokenSources && (await before));
    await options.onForward?.(batch, pages);
    write(batch);
    await Promise.resolve();
    const rows = read(batch);
    return sampleRows(rows, batch.sampling);
  };
  const dispose = async (): Promise<void> => {
    isDisposed = true;
    await last?.catch(() => {});
  };
  return {
    name: "paged",
    description: "logits from a hash of the tokens in pages",
    vocabSize,
    plan: {
      weightsBytes: 0,
      kvCacheBytes: 0,
      activationsBytes: 0,
      workspaceBytes: 0,
      totalBytes: 0,
      kvBytesPerToken: 0,
      kvCacheDtype: "float32",
      productPrecision: "float32",
      productLibrary: "none",
      kvHeadDim: 8,
      kvPages: { pageTokens, pageCount, isShareable: true },
      maxSequences,
      contextTokens,
    },
    kvStorage,
    maxLogitRows,
    canSample,
    editCapacity,
    maxTopCount,
    canRunAhead,
    forward: async (batch) => {
      if (isDisposed) throw new InferenceError("EXECUTOR_DISPOSED", "the executor is disposed");
      assertChunks(batch, limits);
      blockTables.assert(batch);
      assertRowSampling(batch, limits);
      order.assertNext(batch);
      const end = order.begin(batch);
      last = run(batch, last);
      try {
        return await last;
      } finally {
        end();
      }
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
