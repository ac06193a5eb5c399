import { invalidBatch } from "./assert-chunks.ts";
import type { ForwardBatch, PagedStorage } from "./executor.ts";

const isWritten = 1;

/**
 * Checks the block tables of a batch that `assertChunks` accepts: its pages exist, and what one chunk writes no other
 * reads or writes.
 *
 * @param writtenPages `(pageCount)` scratch, so that the check allocates nothing
 * @throws InferenceError `INVALID_BATCH`
 */
export function assertBlockTables(
  batch: ForwardBatch,
  storage: PagedStorage,
  writtenPages: Uint8Array,
): void {
  const { blockTables, blockTableStride = 0 } = batch;
  const { pageCount, pageTokens } = storage;
  if (blockTables === undefined) throw invalidBatch("blockTables", "the pages of each chunk", "none");
  const fail = (index: number): never => {
    const page = blockTables[index] ?? -1;
    const exists = page >= 0 && page < pageCount;
    throw exists
      ? invalidBatch(
          `blockTables[${index}]`,
          "pages that are written to in one row, once",
          `page ${page} a second time`,
        )
      : invalidBatch(`blockTables[${index}]`, `a page from 0 to ${pageCount - 1}`, page);
  };
  writtenPages.fill(0);
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const start = batch.startPositions[chunk]!;
    const row = chunk * blockTableStride;
    const end = Math.ceil((start + batch.lengths[chunk]!) / pageTokens);
    if (end > blockTableStride) throw invalidBatch("blockTableStride", `at least ${end}`, blockTableStride);
    for (let index = row + Math.floor(start / pageTokens); index < row + end; index += 1) {
      if (writtenPages[blockTables[index]!] !== 0) fail(index);
      writtenPages[blockTables[index]!] = isWritten;
    }
  }
  // Nearly all pages are only read: of these it takes one comparison each.
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const row = chunk * blockTableStride;
    const end = row + Math.floor(batch.startPositions[chunk]! / pageTokens);
    for (let index = row; index < end; index += 1) {
      if (writtenPages[blockTables[index]!] !== 0) fail(index);
    }
  }
}
