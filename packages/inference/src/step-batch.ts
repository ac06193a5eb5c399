import type { ForwardBatch } from "./executor.ts";

/** What the scheduler and a batch need to know of a sequence. */
export interface SchedulableSequence {
  /** As given to `KvCache.acquire`. */
  readonly id: number;
  readonly promptTokenIds: Int32Array;
  /** Prompt and generated tokens at most. */
  readonly maxLengthTokens: number;
  /** The token that was sampled last; read once the prompt is computed. */
  readonly lastTokenId: number;
  /** Tokens whose keys and values are in the cache. Moved on by the scheduler only. */
  computedTokenCount: number;
}

/** The arrays of one forward pass, used again at each step. */
export class StepBatch<S extends SchedulableSequence> implements ForwardBatch {
  readonly sequenceIds: Int32Array;
  readonly startPositions: Int32Array;
  readonly lengths: Int32Array;
  readonly wantsLogits: Uint8Array;
  readonly tokenIds: Int32Array;
  /** The sequences of the chunks, in order. */
  readonly sequences: S[] = [];
  #tokenCount = 0;
  #prefillTokenCount = 0;

  constructor(capacity: { readonly maxChunks: number; readonly maxTokens: number }) {
    this.sequenceIds = new Int32Array(capacity.maxChunks);
    this.startPositions = new Int32Array(capacity.maxChunks);
    this.lengths = new Int32Array(capacity.maxChunks);
    this.wantsLogits = new Uint8Array(capacity.maxChunks);
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

  clear(): void {
    this.sequences.length = 0;
    this.#tokenCount = 0;
    this.#prefillTokenCount = 0;
  }

  addDecode(sequence: S): void {
    this.tokenIds[this.#tokenCount] = sequence.lastTokenId;
    this.#addChunk(sequence, { length: 1, wantsLogits: 1 });
  }

  /** The logits are wanted after the end of the prompt only. */
  addPrefill(sequence: S, length: number): void {
    const start = sequence.computedTokenCount;
    const end = start + length;
    this.tokenIds.set(sequence.promptTokenIds.subarray(start, end), this.#tokenCount);
    this.#prefillTokenCount += length;
    this.#addChunk(sequence, { length, wantsLogits: end === sequence.promptTokenIds.length ? 1 : 0 });
  }

  #addChunk(sequence: S, chunk: { readonly length: number; readonly wantsLogits: number }): void {
    const at = this.sequences.length;
    this.sequenceIds[at] = sequence.id;
    this.startPositions[at] = sequence.computedTokenCount;
    this.lengths[at] = chunk.length;
    this.wantsLogits[at] = chunk.wantsLogits;
    this.#tokenCount += chunk.length;
    this.sequences.push(sequence);
  }
}
