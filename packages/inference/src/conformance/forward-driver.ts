import type { Executor } from "../executors/executor.ts";

/** Tokens of one sequence, from a position on. */
export interface Chunk {
  readonly sequenceId: number;
  readonly startPosition: number;
  readonly tokenIds: readonly number[];
  /** After how many of the last tokens the logits are wanted. [1] */
  readonly logitCount?: number;
}

/** Runs chunks as one forward; copies of the logits where they were wanted, in batch order. */
export async function runChunks(executor: Executor, chunks: readonly Chunk[]): Promise<Float32Array[]> {
  const result = await executor.forward({
    chunkCount: chunks.length,
    sequenceIds: Int32Array.from(chunks, (chunk) => chunk.sequenceId),
    startPositions: Int32Array.from(chunks, (chunk) => chunk.startPosition),
    lengths: Int32Array.from(chunks, (chunk) => chunk.tokenIds.length),
    logitCounts: Int32Array.from(chunks, (chunk) => chunk.logitCount ?? 1),
    tokenIds: Int32Array.from(chunks.flatMap((chunk) => chunk.tokenIds)),
  });
  return Array.from({ length: result.rowCount }, (_, row) => result.row(row).slice());
}

/** Runs chunks of one sequence one after the other, in a place of the cache that is given back. */
export async function runAlone(executor: Executor, chunks: readonly Chunk[]): Promise<Float32Array[]> {
  const sequenceId = chunks[0]?.sequenceId ?? 0;
  executor.kvCache.acquire(sequenceId, executor.kvCache.sequenceCapacityTokens);
  const rows: Float32Array[] = [];
  for (const chunk of chunks) rows.push(...(await runChunks(executor, [chunk])));
  executor.kvCache.release(sequenceId);
  return rows;
}

/** A sequence that is continued greedily, one chunk at a time, alone or in a batch with others. */
export class GreedySequence {
  readonly sequenceId: number;
  readonly generated: number[] = [];
  readonly #executor: Executor;
  readonly #tokens: number[];
  #heldCount = 0;

  constructor(executor: Executor, sequenceId: number, prompt: readonly number[]) {
    this.#executor = executor;
    this.sequenceId = sequenceId;
    this.#tokens = [...prompt];
    executor.kvCache.acquire(sequenceId, executor.kvCache.sequenceCapacityTokens);
  }

  /** The next chunk: at most `maxTokens` of what is not in the cache yet. */
  nextChunk(maxTokens: number = Infinity): Chunk {
    const tokenIds = this.#tokens.slice(this.#heldCount, this.#heldCount + maxTokens);
    const isLast = this.#heldCount + tokenIds.length === this.#tokens.length;
    return {
      sequenceId: this.sequenceId,
      startPosition: this.#heldCount,
      tokenIds,
      logitCount: isLast ? 1 : 0,
    };
  }

  /** Notes that a chunk ran; takes the most likely token when it had logits. */
  advance(chunk: Chunk, logits: Float32Array | undefined): void {
    this.#heldCount += chunk.tokenIds.length;
    if (logits === undefined) return;
    const tokenId = indexOfHighest(logits);
    this.generated.push(tokenId);
    this.#tokens.push(tokenId);
  }

  release(): void {
    this.#executor.kvCache.release(this.sequenceId);
  }
}

/** One forward over the next chunks of several sequences. */
export async function stepAll(
  executor: Executor,
  sequences: readonly GreedySequence[],
  maxTokens: number = Infinity,
): Promise<void> {
  const chunks = sequences.map((sequence) => sequence.nextChunk(maxTokens));
  const rows = await runChunks(executor, chunks);
  for (const [index, sequence] of sequences.entries()) {
    const chunk = chunks[index];
    if (chunk !== undefined) sequence.advance(chunk, chunk.logitCount === 1 ? rows.shift() : undefined);
  }
}

function indexOfHighest(logits: Float32Array): number {
  let best = 0;
  for (let index = 1; index < logits.length; index += 1) {
    if ((logits[index] ?? -Infinity) > (logits[best] ?? -Infinity)) best = index;
  }
  return best;
}
