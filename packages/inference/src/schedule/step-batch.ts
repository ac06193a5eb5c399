import type { ForwardBatch } from "../executors/executor.ts";
import type { CachedSequence } from "../kv/cached-sequence.ts";

/** What the scheduler and a batch need to know of a sequence. */
export interface SchedulableSequence {
  /** The same array in several sequences is computed once, and copied for the others. */
  readonly promptTokenIds: Int32Array;
  /** Prompt and generated tokens at most. */
  readonly maxLengthTokens: number;
  /** The token that was sampled last; read once the prompt is computed. */
  readonly lastTokenId: number;
  /** Whether the logits after each token of the prompt are wanted, and not after its last alone. */
  readonly wantsPromptLogits: boolean;
  /** What the KV cache holds of it; `undefined` where it waits. Set by the scheduler only. */
  cached: CachedSequence | undefined;
}

/** The arrays of one forward pass, used again at each step. */
export class StepBatch<S extends SchedulableSequence> implements ForwardBatch {
  /** Written by the KV cache. */
  readonly slots: Int32Array;
  readonly startPositions: Int32Array;
  readonly lengths: Int32Array;
  readonly logitCounts: Int32Array;
  readonly tokenIds: Int32Array;
  /** The sequences of the chunks, in order. */
  readonly sequences: S[] = [];
  #tokenCount = 0;
  #prefillTokenCount = 0;
  #extraLogitCount = 0;

  constructor(capacity: { readonly maxChunks: number; readonly maxTokens: number }) {
    this.slots = new Int32Array(capacity.maxChunks);
    this.startPositions = new Int32Array(capacity.maxChunks);
    this.lengths = new Int32Array(capacity.maxChunks);
    this.logitCounts = new Int32Array(capacity.maxChunks);
    this.tokenIds = new Int32Array(capacity.maxTokens);
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

  /** Rows of logits beyond the first of each chunk. */
  get extraLogitCount(): number {
    return this.#extraLogitCount;
  }

  clear(): void {
    this.sequences.length = 0;
    this.#tokenCount = 0;
    this.#prefillTokenCount = 0;
    this.#extraLogitCount = 0;
  }

  addDecode(sequence: S): void {
    this.tokenIds[this.#tokenCount] = sequence.lastTokenId;
    this.#addChunk(sequence, { length: 1, logitCount: 1 });
  }

  addPrefill(sequence: S, length: number): void {
    const start = sequence.cached!.tokenCount;
    const end = start + length;
    this.tokenIds.set(sequence.promptTokenIds.subarray(start, end), this.#tokenCount);
    this.#prefillTokenCount += length;
    const endCount = end === sequence.promptTokenIds.length ? 1 : 0;
    this.#addChunk(sequence, { length, logitCount: sequence.wantsPromptLogits ? length : endCount });
  }

  #addChunk(sequence: S, chunk: { readonly length: number; readonly logitCount: number }): void {
    const at = this.sequences.length;
    this.startPositions[at] = sequence.cached!.tokenCount;
    this.lengths[at] = chunk.length;
    this.logitCounts[at] = chunk.logitCount;
    this.#extraLogitCount += Math.max(0, chunk.logitCount - 1);
    this.#tokenCount += chunk.length;
    this.sequences.push(sequence);
  }
}
