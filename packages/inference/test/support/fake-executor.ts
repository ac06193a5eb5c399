import type { Executor, ForwardBatch, ForwardResult, KvStorage } from "../../src/index.ts";

export interface FakeExecutorOptions {
  readonly vocabSize: number;
  readonly maxSequences?: number;
  /** [maxSequences] */
  readonly maxLogitRows?: number;
  readonly contextTokens?: number;
  /** [contextTokens] */
  readonly slotTokens?: number;
  /** `(vocabSize)` logits after a history of tokens. [a hash of the history] */
  readonly logits?: (history: readonly number[], row: Float32Array) => void;
  /** Awaited inside each forward. */
  readonly onForward?: (batch: RecordedBatch) => Promise<void> | void;
}

export interface RecordedBatch {
  readonly slots: readonly number[];
  readonly startPositions: readonly number[];
  readonly lengths: readonly number[];
  readonly logitCounts: readonly number[];
  readonly tokenIds: readonly number[];
}

/** An executor whose logits are a function of the tokens alone; it refuses whatever breaks the contract. */
export interface FakeExecutor extends Executor {
  readonly batches: RecordedBatch[];
}

export function createFakeExecutor(options: FakeExecutorOptions): FakeExecutor {
  const { vocabSize, maxSequences = 8, contextTokens = 128, logits = hashLogits } = options;
  const { maxLogitRows = maxSequences, slotTokens = contextTokens } = options;
  /** The tokens whose keys and values each slot holds. */
  const histories: number[][] = Array.from({ length: maxSequences }, () => []);
  const batches: RecordedBatch[] = [];
  let isRunning = false;

  const held = (slot: number, tokenCount: number): number[] => {
    const history = histories[slot];
    if (history === undefined || history.length < tokenCount) throw new Error(`no ${tokenCount} in ${slot}`);
    return history.slice(0, tokenCount);
  };
  const kvStorage: KvStorage = {
    layout: "slots",
    slotCount: maxSequences,
    slotTokens,
    move: ({ from, to, fromTokens, toTokens }) => {
      if (isRunning) throw new Error("the storage was changed during a forward");
      const [moved, swapped] = [held(from, fromTokens), held(to, toTokens)];
      histories[to] = moved;
      if (toTokens > 0) histories[from] = swapped;
    },
  };

  const run = (batch: RecordedBatch): ForwardResult => {
    const rows: Float32Array[] = [];
    let offset = 0;
    let rowRoom = maxLogitRows;
    const decodeCount = batch.lengths.filter((length) => length === 1).length;
    for (const [chunk, slot] of batch.slots.entries()) {
      const history = held(slot, batch.startPositions[chunk]!);
      histories[slot] = history;
      const length = batch.lengths[chunk]!;
      if (length < 1) throw new Error(`an empty chunk of ${slot}`);
      if (length === 1 && slot >= decodeCount) throw new Error(`slot ${slot} is not in front`);
      const logitCount = batch.logitCounts[chunk]!;
      rowRoom -= Math.max(1, logitCount);
      if (rowRoom < 0) throw new Error(`more than ${maxLogitRows} rows of logits`);
      for (let at = 0; at < length; at += 1) {
        history.push(batch.tokenIds[offset + at]!);
        if (at < length - logitCount) continue;
        const row = new Float32Array(vocabSize);
        logits(history, row);
        rows.push(row);
      }
      if (history.length > slotTokens) throw new Error(`${slot} outgrew its room`);
      offset += length;
    }
    return { rowCount: rows.length, row: (index) => rows[index]! };
  };

  return {
    name: "fake",
    description: "logits from a hash",
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
      maxSequences,
      contextTokens,
    },
    kvStorage,
    maxLogitRows,
    batches,
    forward: async (batch) => {
      if (isRunning) throw new Error("two forwards at once");
      const recorded = record(batch);
      if (new Set(recorded.slots).size !== recorded.slots.length) {
        throw new Error("a slot twice in a batch");
      }
      batches.push(recorded);
      isRunning = true;
      try {
        await options.onForward?.(recorded);
        return run(recorded);
      } finally {
        isRunning = false;
      }
    },
    dispose: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function record(batch: ForwardBatch): RecordedBatch {
  const { chunkCount } = batch;
  const lengths = Array.from(batch.lengths.subarray(0, chunkCount));
  const tokenCount = lengths.reduce((sum, length) => sum + length, 0);
  return {
    slots: Array.from(batch.slots.subarray(0, chunkCount)),
    startPositions: Array.from(batch.startPositions.subarray(0, chunkCount)),
    lengths,
    logitCounts: Array.from(batch.logitCounts.subarray(0, chunkCount)),
    tokenIds: Array.from(batch.tokenIds.subarray(0, tokenCount)),
  };
}

/** Logits in [−4, 4) that depend on every token of the history and its place. */
export function hashLogits(history: readonly number[], row: Float32Array): void {
  let state = 0x811c9dc5;
  for (const token of history) state = Math.imul(state ^ token, 0x01000193) + 0x9e3779b9;
  for (let id = 0; id < row.length; id += 1) {
    let mixed = Math.imul(state ^ Math.imul(id + 1, 0x85ebca6b), 0xc2b2ae35);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2f);
    row[id] = ((mixed >>> 8) / 0x1000000) * 8 - 4;
  }
}
