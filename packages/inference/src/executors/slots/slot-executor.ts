import { InferenceError } from "../../errors.ts";
import type { AdapterStorage } from "../adapter-storage.ts";
import type { AdapterStore } from "../adapters/adapter-store.ts";
import type {
  Executor,
  ExecutorMemoryPlan,
  ForwardBatch,
  ForwardResult,
  SlotMove,
  SlotStorage,
} from "../executor.ts";
import type { LengthRotations, SequenceChunk } from "../rotation/length-rotations.ts";
import { assertBatch, assertMove, type SlotBatchLimits } from "./assert-batch.ts";
import { closeAll, type Closer } from "./close-all.ts";
import { LogitRows } from "./logit-rows.ts";
import type { SlotCalls } from "./slot-calls.ts";

/** What keeps something of the sequence in each slot. */
interface Movable {
  move(move: SlotMove): void;
}

/** Adapters of an executor, and how it uses those of a batch. */
interface SlotAdapters {
  readonly store: AdapterStore;
  /** Notes the adapter of each sequence of a batch. */
  place(batch: ForwardBatch): void;
}

/** What an executor on slots is made of. */
export interface SlotExecutorParts {
  readonly name: string;
  readonly plan: ExecutorMemoryPlan;
  readonly description: string;
  readonly vocabSize: number;
  readonly movables: readonly Movable[];
  readonly rotations: LengthRotations | undefined;
  readonly adapters: SlotAdapters | undefined;
  readonly calls: SlotCalls;
  /** Called from the last to the first. */
  readonly closers: Closer[];
}

/**
 * An executor whose cache is in slots: checks batches, cuts them to calls, and keeps the order of its calls. What computes
 * is passed in.
 */
export class SlotExecutor implements Executor {
  readonly name: string;
  readonly description: string;
  readonly vocabSize: number;
  readonly plan: ExecutorMemoryPlan;
  readonly kvStorage: SlotStorage;
  readonly adapterStorage: AdapterStorage | undefined;
  readonly maxLogitRows: number;
  readonly #movables: readonly Movable[];
  readonly #rotations: LengthRotations | undefined;
  readonly #adapters: SlotAdapters | undefined;
  readonly #calls: SlotCalls;
  readonly #closers: Closer[];
  readonly #limits: SlotBatchLimits;
  readonly #result: LogitRows;
  #running: Promise<void> | undefined;
  #disposal: Promise<void> | undefined;

  constructor(parts: SlotExecutorParts) {
    const { maxSequences, contextTokens } = parts.plan;
    this.name = parts.name;
    this.description = parts.description;
    this.vocabSize = parts.vocabSize;
    this.plan = parts.plan;
    this.kvStorage = {
      layout: "slots",
      slotCount: maxSequences,
      slotTokens: contextTokens,
      move: (move) => this.#move(move),
    };
    this.#movables = parts.movables;
    this.#rotations = parts.rotations;
    this.#adapters = parts.adapters;
    this.adapterStorage = parts.adapters?.store;
    this.#calls = parts.calls;
    this.#closers = parts.closers;
    this.maxLogitRows = parts.calls.logits.length;
    this.#limits = {
      vocabSize: parts.vocabSize,
      sequenceTokens: contextTokens,
      maxLogitRows: this.maxLogitRows,
      seenSlots: new Uint8Array(maxSequences),
      rankAt: (place) => parts.adapters?.store.rankAt(place) ?? 0,
    };
    this.#result = new LogitRows(parts.calls.logits);
  }

  async forward(batch: ForwardBatch): Promise<ForwardResult> {
    this.#assertIdle();
    this.#running = this.#run(batch, assertBatch(batch, this.#limits));
    try {
      await this.#running;
    } finally {
      this.#running = undefined;
    }
    return this.#result;
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #dispose(): Promise<void> {
    // A failure of the last forward is its caller's.
    await this.#running?.catch(() => {});
    await closeAll(this.name, this.#closers);
  }

  /** A forward may be writing to any slot while it runs. */
  #assertIdle(): void {
    if (this.#disposal !== undefined) {
      throw new InferenceError("EXECUTOR_DISPOSED", { expected: "an open executor", got: "a disposed one" });
    }
    if (this.#running !== undefined) {
      throw new InferenceError("INVALID_BATCH", {
        expected: "one call at a time",
        got: "one during a forward",
      });
    }
  }

  #move(move: SlotMove): void {
    this.#assertIdle();
    assertMove(move, this.kvStorage);
    for (const movable of this.#movables) movable.move(move);
    this.#rotations?.move(move);
  }

  async #run(batch: ForwardBatch, decodeCount: number): Promise<void> {
    this.#result.assign(batch, decodeCount);
    this.#adapters?.place(batch);
    let offset = 0;
    let firstRow = decodeCount;
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      const length = batch.lengths[chunk] ?? 0;
      if (length > 1) {
        await this.#prefill(batch, chunk, { offset, firstRow });
        firstRow += batch.logitCounts[chunk] ?? 0;
      }
      offset += length;
    }
    if (decodeCount > 0) await this.#decode(batch, decodeCount);
  }

  async #prefill(batch: ForwardBatch, chunk: number, at: PrefillStart): Promise<void> {
    const slot = batch.slots[chunk] ?? 0;
    const startPosition = batch.startPositions[chunk] ?? 0;
    const length = batch.lengths[chunk] ?? 0;
    const logitCount = batch.logitCounts[chunk] ?? 0;
    const tokenIds = batch.tokenIds.subarray(at.offset, at.offset + length);
    const whole = { slot, startPosition, tokenIds, knownLength: batch.knownLengths?.[chunk] };
    const ends = this.#rotations?.partEnds(whole, logitCount) ?? [length];
    let { firstRow } = at;
    let start = 0;
    for (const end of ends) {
      const part = {
        ...whole,
        startPosition: startPosition + start,
        tokenIds: tokenIds.subarray(start, end),
      };
      const logitsBefore = Math.max(0, start - (length - logitCount));
      const rowCount = Math.max(0, end - (length - logitCount)) - logitsBefore;
      await this.#rotations?.place(part, (again) => this.#compute(again, { rowCount: 0, firstRow: 0 }));
      await this.#compute(part, { rowCount, firstRow });
      firstRow += rowCount;
      start = end;
    }
  }

  /** Computes tokens of one sequence in chunks, with rows of logits after the last ones. */
  async #compute({ slot, startPosition, tokenIds }: SequenceChunk, rows: ChunkRows): Promise<void> {
    const { length } = tokenIds;
    const partTokens = this.#calls.maxChunkTokens;
    const logitsFrom = length - rows.rowCount;
    let { firstRow } = rows;
    for (let done = 0; done < length; done += partTokens) {
      const count = Math.min(partTokens, length - done);
      const logitCount = Math.min(count, Math.max(0, done + count - logitsFrom));
      await this.#calls.prefill({
        slot,
        tokenIds: tokenIds.subarray(done, done + count),
        startPosition: startPosition + done,
        logitCount,
        firstRow,
      });
      firstRow += logitCount;
    }
  }

  async #decode(batch: ForwardBatch, count: number): Promise<void> {
    const { decodeTokenIds, decodePositions } = this.#calls;
    let offset = 0;
    let longest = 0;
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      const length = batch.lengths[chunk] ?? 0;
      if (length === 1) {
        const slot = batch.slots[chunk] ?? 0;
        const startPosition = batch.startPositions[chunk] ?? 0;
        const tokenIds = batch.tokenIds.subarray(offset, offset + 1);
        const placed = { slot, startPosition, tokenIds, knownLength: batch.knownLengths?.[chunk] };
        await this.#rotations?.place(placed, (again) => this.#compute(again, { rowCount: 0, firstRow: 0 }));
        decodeTokenIds[slot] = tokenIds[0] ?? 0;
        decodePositions[slot] = startPosition;
        longest = Math.max(longest, startPosition + 1);
      }
      offset += length;
    }
    await this.#calls.decode(count, longest);
  }
}

/** Rows of logits of a chunk. */
interface ChunkRows {
  readonly rowCount: number;
  /** Index of the first of them. */
  readonly firstRow: number;
}

/** Where the tokens and the rows of logits of a chunk start. */
interface PrefillStart {
  readonly offset: number;
  readonly firstRow: number;
}
