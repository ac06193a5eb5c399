import type { Executor } from "../../../src/executors/executor.ts";

/** Tokens of a sequence, numbered as its caller likes. */
export interface PagedTokens {
  readonly sequence: number;
  readonly startPosition: number;
  readonly tokenIds: readonly number[];
  /** Rows of logits, after the last tokens. [1] */
  readonly logitCount?: number;
  readonly knownLength?: number;
  readonly adapter?: number;
}

/** Runs chunks on an executor over pages, as one forward; those of a sequence are apart, in no order. Copies the rows. */
export async function runPages(executor: Executor, chunks: readonly PagedTokens[]): Promise<Float32Array[]> {
  const { kvStorage: storage } = executor;
  if (storage.layout !== "pages") throw new Error(`expected pages, got ${storage.layout}`);
  const { maxSequences, pageCount } = storage;
  const blockTableStride = Math.floor(pageCount / maxSequences);
  const result = await executor.forward({
    chunkCount: chunks.length,
    slots: new Int32Array(chunks.length),
    blockTables: Int32Array.from(
      chunks.flatMap(({ sequence }) =>
        Array.from({ length: blockTableStride }, (_, at) => pageCount - 1 - (at * maxSequences + sequence)),
      ),
    ),
    blockTableStride,
    startPositions: Int32Array.from(chunks, (chunk) => chunk.startPosition),
    lengths: Int32Array.from(chunks, (chunk) => chunk.tokenIds.length),
    logitCounts: Int32Array.from(chunks, (chunk) => chunk.logitCount ?? 1),
    knownLengths: Int32Array.from(chunks, (chunk) => chunk.knownLength ?? 0),
    adapters: Int32Array.from(chunks, (chunk) => chunk.adapter ?? 0),
    tokenIds: Int32Array.from(chunks.flatMap((chunk) => chunk.tokenIds)),
  });
  return Array.from({ length: result.rowCount }, (_, row) => result.row(row).slice());
}
