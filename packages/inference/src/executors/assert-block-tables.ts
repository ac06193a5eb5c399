import { invalidBatch } from "./assert-chunks.ts";
import type { ForwardBatch, PagedStorage } from "./executor.ts";

const isRead = 1;
const isWritten = 2;

/**
 * Checks the block tables of a batch that `assertChunks` accepts: its pages exist, and what one chunk writes no other
 * reads or writes.
 *
 * @param seenPages `(pageCount)` scratch, so that the check allocates nothing
 * @throws InferenceError `INVALID_BATCH`
 */
export function assertBlockTables(batch: ForwardBatch, storage: PagedStorage, seenPages: Uint8Array): void {
  const { blockTables, blockTableStride = 0 } = batch;
  const { pageCount, pageTokens } = storage;
  if (blockTables === undefined) throw invalidBatch("blockTables", "the pages of each chunk", "none");
  seenPages.fill(0);
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const start = batch.startPositions[chunk]!;
    const firstWritten = Math.floor(start / pageTokens);
    const end = Math.ceil((start + batch.lengths[chunk]!) / pageTokens);
    if (end > blockTableStride) throw invalidBatch("blockTableStride", `at least ${end}`, blockTableStride);
    for (let at = 0; at < end; at += 1) {
      const index = chunk * blockTableStride + at;
      const page = blockTables[index] ?? -1;
      const seen = seenPages[page];
      if (seen === undefined) {
        throw invalidBatch(`blockTables[${index}]`, `a page from 0 to ${pageCount - 1}`, page);
      }
      const use = at < firstWritten ? isRead : isWritten;
      if (seen === isWritten || (use === isWritten && seen === isRead)) {
        const expected = "pages that are written to in one row, once";
        throw invalidBatch(`blockTables[${index}]`, expected, `page ${page} a second time`);
      }
      seenPages[page] = use;
    }
  }
}
