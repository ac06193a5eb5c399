import type { Executor, ForwardBatch, ForwardResult, KvCache } from "../../src/index.ts";

export interface FakeExecutorOptions {
  readonly vocabSize: number;
  readonly maxSequences?: number;
  /** [maxSequences] */
  readonly maxLogitRows?: number;
  readonly sequenceCapacityTokens?: number;
  /** Tokens over all sequences; every sequence takes what it may grow to. */
  readonly capacityTokens?: number;
  /** `(vocabSize)` logits after a history of tokens. [a hash of the history] */
  readonly logits?: (history: readonly number[], row: Float32Array) => void;
  /** Awaited inside each forward. */
  readonly onForward?: (batch: RecordedBatch) => Promise<void> | void;
}

export interface RecordedBatch {
  readonly sequenceIds: readonly number[];
  readonly startPositions: readonly number[];
  readonly lengths: readonly number[];
  readonly logitCounts: readonly number[];
  readonly tokenIds: readonly number[];
}

/** An executor whose logits are a function of the tokens alone; it refuses whatever breaks the contract. */
export interface FakeExecutor extends Executor {
  readonly batches: RecordedBatch[];
  /** Tokens of each copy within the cache. */
  readonly copiedTokenCounts: readonly number[];
  /** Ids that hold room now. */
  readonly heldIds: ReadonlySet<number>;
}

export function createFakeExecutor(options: FakeExecutorOptions): FakeExecutor {
  const { vocabSize, maxSequences = 8, sequenceCapacityTokens = 128 } = options;
  const { capacityTokens = maxSequences * sequenceCapacityTokens, logits = hashLogits } = options;
  const { maxLogitRows = maxSequences } = options;
  const histories = new Map<number, number[]>();
  const limits = new Map<number, number>();
  const batches: RecordedBatch[] = [];
  const copiedTokenCounts: number[] = [];
  let isRunning = false;

  const heldTokens = (): number => [...limits.values()].reduce((sum, limit) => sum + limit, 0);
  const assertIdle = (): void => {
    if (isRunning) throw new Error("the cache was changed during a forward");
  };
  const kvCache: KvCache = {
    capacityTokens,
    sequenceCapacityTokens,
    maxSequences,
    usage: () => heldTokens() / capacityTokens,
    canAcquire: (maxTokens) =>
      maxTokens <= sequenceCapacityTokens &&
      limits.size < maxSequences &&
      heldTokens() + maxTokens <= capacityTokens,
    acquire: (sequenceId, maxTokens) => {
      assertIdle();
      if (!kvCache.canAcquire(maxTokens)) throw new Error(`no room for ${maxTokens} tokens`);
      if (limits.has(sequenceId)) throw new Error(`sequence ${sequenceId} has room`);
      limits.set(sequenceId, maxTokens);
      histories.set(sequenceId, []);
    },
    release: (sequenceId) => {
      assertIdle();
      if (!limits.delete(sequenceId)) throw new Error(`sequence ${sequenceId} has no room`);
      histories.delete(sequenceId);
    },
    copyPrefix: (fromId, toId, tokenCount) => {
      assertIdle();
      const history = histories.get(fromId);
      if (history === undefined || !limits.has(toId)) throw new Error("a copy to or from nowhere");
      if (history.length < tokenCount) throw new Error(`${fromId} holds no ${tokenCount} tokens`);
      histories.set(toId, history.slice(0, tokenCount));
      copiedTokenCounts.push(tokenCount);
    },
  };

  const run = (batch: RecordedBatch): ForwardResult => {
    const rows: Float32Array[] = [];
    let offset = 0;
    let rowRoom = maxLogitRows;
    for (const [chunk, sequenceId] of batch.sequenceIds.entries()) {
      const history = histories.get(sequenceId);
      const length = batch.lengths[chunk]!;
      if (history === undefined) throw new Error(`sequence ${sequenceId} holds no room`);
      if (history.length !== batch.startPositions[chunk]) throw new Error(`a gap in ${sequenceId}`);
      if (length < 1) throw new Error(`an empty chunk of ${sequenceId}`);
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
      if (history.length > limits.get(sequenceId)!) throw new Error(`${sequenceId} outgrew its room`);
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
      maxSequences,
      contextTokens: sequenceCapacityTokens,
    },
    kvCache,
    maxLogitRows,
    batches,
    copiedTokenCounts,
    get heldIds() {
      return new Set(limits.keys());
    },
    forward: async (batch) => {
      if (isRunning) throw new Error("two forwards at once");
      const recorded = record(batch);
      if (new Set(recorded.sequenceIds).size !== recorded.sequenceIds.length) {
        throw new Error("a sequence twice in a batch");
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
    sequenceIds: Array.from(batch.sequenceIds.subarray(0, chunkCount)),
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
