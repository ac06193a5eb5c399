import type { ForwardBatch } from "../executors/executor.ts";
import type { RowSampling } from "../executors/row-sampling.ts";
import { type CachedSequence, PlacedPages } from "../kv/kv-cache.ts";
import type { SequenceSpeculation } from "../speculation/sequence-speculation.ts";

/** A sequence as the scheduler and a batch see it. */
export interface SchedulableSequence {
  /** Sequences with the same array, which have the same adapter too, compute it once. */
  readonly promptTokenIds: Int32Array;
  /** The place of its adapter; 0 for none. [0] */
  readonly adapter?: number;
  /**
   * Only sequences of one scope share cached tokens. One that needs the logits of its prompt is the first of its scope,
   * so that it finds none but those that it computed before it was preempted. [0]
   */
  readonly cacheScope?: number;
  /** Prompt and generated tokens at most. */
  readonly maxLengthTokens: number;
  /** Generated tokens that were not computed yet; at least one once the prompt is computed. */
  readonly pendingTokenIds: readonly number[];
  /** Whether the logits after tokens of the prompt are still needed, and not after its last only. */
  readonly needsPromptLogits: boolean;
  /** Proposes its next tokens. [nothing is proposed] */
  readonly speculation?: SequenceSpeculation | undefined;
  /** `undefined` while the sequence waits. Set by the scheduler only. */
  cached: CachedSequence | undefined;
  /** Drops the first of the pending tokens: they are computed. */
  dropPending(count: number): void;
}

/** Of a token that the host knows. */
const noSource = -1;

interface BatchChunk {
  readonly start: number;
  readonly length: number;
  readonly logitCount: number;
  readonly knownLength: number;
  /** [0] */
  readonly proposalCount?: number;
}

/** The arrays of one forward pass, reused at each step. */
export class StepBatch<S extends SchedulableSequence> implements ForwardBatch {
  /** Written by the KV cache. */
  readonly slots: Int32Array;
  /** Written by the KV cache. */
  readonly blockTables: Int32Array;
  readonly placedPages: PlacedPages = new PlacedPages();
  readonly blockTableStride: number;
  readonly startPositions: Int32Array;
  readonly lengths: Int32Array;
  readonly logitCounts: Int32Array;
  readonly knownLengths: Int32Array;
  readonly adapters: Int32Array;
  /** `(chunks)` how many of the last tokens of each chunk are proposals, with logits before and after each. */
  readonly proposalCounts: Int32Array;
  readonly tokenIds: Int32Array;
  /** Where tokens come from the forward before. */
  tokenSources: Int32Array | undefined;
  readonly #tokenSources: Int32Array;
  /** Set for each forward, after the batch is full. */
  sampling: RowSampling | undefined;
  /** The sequence of each chunk. */
  readonly sequences: S[] = [];
  #tokenCount = 0;
  #prefillTokenCount = 0;
  #extraLogitCount = 0;
  #proposalCount = 0;
  #givesToken = false;

  constructor(capacity: {
    readonly maxChunks: number;
    readonly maxTokens: number;
    /** With storage in pages: most pages of a sequence. [0] */
    readonly blockTableStride?: number;
  }) {
    this.slots = new Int32Array(capacity.maxChunks);
    this.blockTableStride = capacity.blockTableStride ?? 0;
    this.blockTables = new Int32Array(capacity.maxChunks * this.blockTableStride);
    this.startPositions = new Int32Array(capacity.maxChunks);
    this.lengths = new Int32Array(capacity.maxChunks);
    this.logitCounts = new Int32Array(capacity.maxChunks);
    this.knownLengths = new Int32Array(capacity.maxChunks);
    this.adapters = new Int32Array(capacity.maxChunks);
    this.proposalCounts = new Int32Array(capacity.maxChunks);
    this.tokenIds = new Int32Array(capacity.maxTokens);
    this.#tokenSources = new Int32Array(capacity.maxTokens);
  }

  get chunkCount(): number {
    return this.sequences.length;
  }

  get tokenCount(): number {
    return this.#tokenCount;
  }

  get prefillTokenCount(): number {
    return this.#prefillTokenCount;
  }

  /** Whether a sequence gets a token from the batch. */
  get givesToken(): boolean {
    return this.#givesToken;
  }

  /** Rows of logits beyond the first of each chunk. */
  get extraLogitCount(): number {
    return this.#extraLogitCount;
  }

  /** Tokens that may turn out to be wrong. */
  get proposalCount(): number {
    return this.#proposalCount;
  }

  clear(): void {
    this.sequences.length = 0;
    this.#tokenCount = 0;
    this.#prefillTokenCount = 0;
    this.#extraLogitCount = 0;
    this.#proposalCount = 0;
    this.#givesToken = false;
    this.sampling = undefined;
    this.tokenSources = undefined;
  }

  /**
   * Adds the first pending tokens of a sequence, with logits after the last of them; behind all of them, the first of the proposed
   * ones, with logits after each.
   */
  addDecode(sequence: S, length: number, proposalCount: number = 0): void {
    this.#givesToken = true;
    const { pendingTokenIds } = sequence;
    const first = this.#tokenCount;
    for (let at = 0; at < length; at += 1) this.tokenIds[first + at] = pendingTokenIds[at]!;
    const proposed = sequence.speculation?.proposedTokenIds;
    for (let at = 0; at < proposalCount; at += 1) this.tokenIds[first + length + at] = proposed![at]!;
    const start = sequence.cached!.tokenCount;
    const end = start + length + proposalCount;
    this.#proposalCount += proposalCount;
    this.#addChunk(sequence, {
      start,
      length: length + proposalCount,
      logitCount: 1 + proposalCount,
      knownLength: end,
      proposalCount,
    });
  }

  /** Adds the token at `start` of a sequence, which the forward before samples from one of its rows. */
  addFed(sequence: S, row: number, start: number): void {
    this.#givesToken = true;
    if (this.tokenSources === undefined) this.tokenSources = this.#tokenSources.fill(noSource);
    this.tokenIds[this.#tokenCount] = 0;
    this.tokenSources[this.#tokenCount] = row;
    this.#addChunk(sequence, { start, length: 1, logitCount: 1, knownLength: start + 1 });
  }

  /** Adds tokens of a prompt from `start` on. [behind the cached ones] */
  addPrefill(sequence: S, length: number, start: number = sequence.cached!.tokenCount): void {
    const end = start + length;
    const { tokenIds } = sequence.cached!;
    this.tokenIds.set(tokenIds.subarray(start, end), this.#tokenCount);
    this.#prefillTokenCount += length;
    const isEnd = end === tokenIds.length;
    this.#givesToken ||= isEnd;
    const logitCount = sequence.needsPromptLogits ? length : Number(isEnd);
    this.#addChunk(sequence, { start, length, logitCount, knownLength: tokenIds.length });
  }

  #addChunk(sequence: S, chunk: BatchChunk): void {
    const at = this.sequences.length;
    this.startPositions[at] = chunk.start;
    this.lengths[at] = chunk.length;
    this.logitCounts[at] = chunk.logitCount;
    this.knownLengths[at] = chunk.knownLength;
    this.adapters[at] = sequence.adapter ?? 0;
    this.proposalCounts[at] = chunk.proposalCount ?? 0;
    this.#extraLogitCount += Math.max(0, chunk.logitCount - 1);
    this.#tokenCount += chunk.length;
    this.sequences.push(sequence);
  }
}
