import type { Executor, ForwardBatch, ForwardResult } from "../executors/executor.ts";
import { createKvCache } from "../kv/create-kv-cache.ts";
import type { CachedSequence, KvCache } from "../kv/kv-cache.ts";

/** Tokens of one sequence, from a position on. */
export interface Chunk {
  readonly startPosition: number;
  readonly tokenIds: readonly number[];
  /** Rows of logits, after the last tokens. [1] */
  readonly logitCount?: number;
  /** How long the sequence is known to get. [the end of the chunk] */
  readonly knownLength?: number;
  /** The place of the sequence's adapter. [0: none] */
  readonly adapter?: number;
}

/** A chunk and its sequence. */
export interface SequenceChunk extends Chunk {
  readonly sequence: CachedSequence;
  /** How many of the last tokens are proposals to verify. [0] */
  readonly proposalCount?: number;
}

/** Drives an executor as an engine does, with the engine's own KV cache over the executor's storage. */
export class ForwardDriver {
  readonly executor: Executor;
  readonly kvCache: KvCache;
  #lastScope = 0;

  constructor(executor: Executor) {
    this.executor = executor;
    this.kvCache = createKvCache(executor.kvStorage);
  }

  /** Admits a sequence of any length, of which nothing is cached, and which shares nothing with others. */
  admit(): CachedSequence {
    this.#lastScope += 1;
    return this.admitPrompt([0], this.#lastScope);
  }

  /** Admits a sequence that shares tokens with others of its scope. */
  admitPrompt(tokenIds: readonly number[], scope: number = 0): CachedSequence {
    const { sequenceCapacityTokens } = this.kvCache;
    const sequence = this.kvCache.admit(Int32Array.from(tokenIds), sequenceCapacityTokens, scope);
    if (sequence === undefined) throw new Error("expected room for a sequence, got none");
    return sequence;
  }

  /** Makes a batch of chunks, with room for them in the KV cache. */
  batchOf(chunks: readonly SequenceChunk[]): ForwardBatch {
    const { blockTableStride } = this.kvCache;
    const slots = new Int32Array(chunks.length);
    const blockTables = new Int32Array(chunks.length * blockTableStride);
    const lengths = Int32Array.from(chunks, (chunk) => chunk.tokenIds.length);
    for (const { sequence, startPosition, tokenIds } of chunks) {
      const growthTokens = startPosition + tokenIds.length - sequence.tokenCount;
      if (!this.kvCache.grow(sequence, growthTokens)) throw new Error("expected room to grow, got none");
    }
    const sequences = chunks.map(({ sequence }) => ({ cached: sequence }));
    this.kvCache.place({ sequences, lengths, slots, blockTables });
    return {
      chunkCount: chunks.length,
      slots,
      blockTables,
      blockTableStride,
      startPositions: Int32Array.from(chunks, (chunk) => chunk.startPosition),
      lengths,
      logitCounts: Int32Array.from(chunks, (chunk) => chunk.logitCount ?? 1),
      knownLengths: Int32Array.from(chunks, (chunk) => chunk.knownLength ?? 0),
      adapters: Int32Array.from(chunks, (chunk) => chunk.adapter ?? 0),
      tokenIds: Int32Array.from(chunks.flatMap((chunk) => chunk.tokenIds)),
    };
  }

  /** Runs chunks as one forward; what they compute is not recorded. */
  forward(chunks: readonly SequenceChunk[]): Promise<ForwardResult> {
    return this.executor.forward(this.batchOf(chunks));
  }

  /** Runs chunks as one forward; returns copies of the rows of logits. */
  async run(chunks: readonly SequenceChunk[]): Promise<Float32Array[]> {
    const result = await this.forward(chunks);
    for (const { sequence, startPosition, tokenIds, proposalCount = 0 } of chunks) {
      const tokenCount = startPosition + tokenIds.length - proposalCount - sequence.tokenCount;
      const firstGenerated = Math.max(sequence.tokenCount, sequence.tokenIds.length) - startPosition;
      if (tokenCount > 0) this.kvCache.advance(sequence, tokenCount, tokenIds.slice(firstGenerated));
    }
    return Array.from({ length: result.rowCount }, (_, row) => result.row(row).slice());
  }

  /** Runs chunks of one sequence one after the other, and releases it. */
  async runAlone(chunks: readonly Chunk[]): Promise<Float32Array[]> {
    const sequence = this.admit();
    const rows: Float32Array[] = [];
    for (const chunk of chunks) rows.push(...(await this.run([{ ...chunk, sequence }])));
    this.kvCache.release(sequence);
    return rows;
  }

  /** Runs the next chunks of several sequences as one forward. */
  async step(sequences: readonly GreedySequence[], maxTokens: number = Infinity): Promise<void> {
    const chunks = sequences.map((sequence) => sequence.nextChunk(maxTokens));
    const rows = await this.run(chunks);
    for (const [index, sequence] of sequences.entries()) {
      const chunk = chunks[index];
      if (chunk !== undefined) sequence.advance(chunk, chunk.logitCount === 1 ? rows.shift() : undefined);
    }
  }
}

/** A greedily decoded sequence, one chunk at a time, alone or in a batch. */
export class GreedySequence {
  readonly cached: CachedSequence;
  readonly generated: number[] = [];
  readonly #driver: ForwardDriver;
  readonly #tokens: number[];
  #cachedCount = 0;

  constructor(driver: ForwardDriver, prompt: readonly number[], cached: CachedSequence = driver.admit()) {
    this.#driver = driver;
    this.#tokens = [...prompt];
    this.cached = cached;
    this.#cachedCount = cached.tokenCount;
  }

  /** The next chunk: at most `maxTokens` of the tokens that are not cached. */
  nextChunk(maxTokens: number = Infinity): SequenceChunk {
    const tokenIds = this.#tokens.slice(this.#cachedCount, this.#cachedCount + maxTokens);
    const isLast = this.#cachedCount + tokenIds.length === this.#tokens.length;
    return {
      sequence: this.cached,
      startPosition: this.#cachedCount,
      tokenIds,
      logitCount: isLast ? 1 : 0,
    };
  }

  /** Records that a chunk ran; appends the most likely token if it had logits. */
  advance(chunk: Chunk, logits: Float32Array | undefined): void {
    this.#cachedCount += chunk.tokenIds.length;
    if (logits !== undefined) this.#accept(indexOfHighest(logits));
  }

  /** The chunk that verifies proposals for the next tokens. */
  proposalChunk(proposals: readonly number[]): SequenceChunk {
    const tokenIds = [...this.#tokens.slice(this.#cachedCount), ...proposals];
    return {
      sequence: this.cached,
      startPosition: this.#cachedCount,
      tokenIds,
      logitCount: 1 + proposals.length,
      proposalCount: proposals.length,
    };
  }

  /** Appends the proposals that the logits confirm, and the token after them; returns how many were confirmed. */
  verify(proposals: readonly number[], rows: readonly Float32Array[]): number {
    const expected = rows.map((row) => indexOfHighest(row));
    const firstWrong = proposals.findIndex((tokenId, at) => tokenId !== expected[at]);
    const acceptedCount = firstWrong === -1 ? proposals.length : firstWrong;
    this.#driver.kvCache.advance(this.cached, acceptedCount, proposals);
    this.#cachedCount = this.#tokens.length + acceptedCount;
    for (const tokenId of expected.slice(0, acceptedCount + 1)) this.#accept(tokenId);
    return acceptedCount;
  }

  release(): void {
    this.#driver.kvCache.release(this.cached);
  }

  #accept(tokenId: number): void {
    this.generated.push(tokenId);
    this.#tokens.push(tokenId);
  }
}

function indexOfHighest(logits: Float32Array): number {
  let best = 0;
  for (let index = 1; index < logits.length; index += 1) {
    if ((logits[index] ?? -Infinity) > (logits[best] ?? -Infinity)) best = index;
  }
  return best;
}
