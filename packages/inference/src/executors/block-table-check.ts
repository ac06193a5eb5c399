import { invalidBatch } from "./assert-chunks.ts";
import type { ForwardBatch, PagedStorage } from "./executor.ts";

const isWritten = 1;

/**
 * Checks block tables from the beginning.
 *
 * @throws InferenceError `INVALID_BATCH`
 */
function checkAll(batch: ForwardBatch, { pageCount, pageTokens }: PagedStorage): void {
  const { blockTables, blockTableStride = 0 } = batch;
  if (blockTables === undefined) throw invalidBatch("blockTables", "the pages of each chunk", "none");
  const writtenPages = new Uint8Array(pageCount);
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
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const row = chunk * blockTableStride;
    const end = row + Math.floor(batch.startPositions[chunk]! / pageTokens);
    for (let index = row; index < end; index += 1) {
      if (writtenPages[blockTables[index]!] !== 0) fail(index);
    }
  }
}

/** A part of an array of block tables. */
interface Entries {
  readonly tables: Int32Array;
  readonly from: number;
  readonly count: number;
}

/** The bytes of an array, as `Buffer.compare` takes them. */
function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/**
 * Checks the block tables of batches that `assertChunks` accepts: their pages exist, and what one chunk writes no other
 * reads or writes. Rows are remembered with how many of their entries have each page, so that a step whose rows are those
 * of the step before, but for a few new pages, takes one comparison of bytes for each row.
 */
export class BlockTableCheck {
  readonly #storage: PagedStorage;
  /** Entries of a remembered row. */
  readonly #stride: number;
  /** `(rows, stride)` */
  #rows = new Int32Array(0);
  #rowBytes = bytesOf(this.#rows);
  /** `(rows)` entries of each row that are used. */
  #lengths = new Int32Array(0);
  #rowCount = 0;
  /** `(pageCount)` entries with each page. */
  readonly #holderCounts: Uint32Array;
  /** Steps take turns with two arrays. */
  readonly #bytesOfTables = new WeakMap<Int32Array, Buffer>();

  constructor(storage: PagedStorage) {
    this.#storage = storage;
    this.#stride = Math.ceil(storage.sequenceTokens / storage.pageTokens);
    this.#holderCounts = new Uint32Array(storage.pageCount);
  }

  /** @throws InferenceError `INVALID_BATCH` */
  assert(batch: ForwardBatch): void {
    if (this.#accepts(batch)) return;
    this.#forget();
    checkAll(batch, this.#storage);
  }

  #accepts(batch: ForwardBatch): boolean {
    const { blockTables, blockTableStride = 0, chunkCount, startPositions, lengths } = batch;
    const { pageTokens } = this.#storage;
    if (blockTables === undefined) return false;
    this.#makeRoom(chunkCount);
    while (this.#rowCount > chunkCount) this.#dropRow(this.#rowCount - 1);
    for (let chunk = 0; chunk < chunkCount; chunk += 1) {
      const end = Math.ceil((startPositions[chunk]! + lengths[chunk]!) / pageTokens);
      if (end > blockTableStride) return false;
      const entries = { tables: blockTables, from: chunk * blockTableStride, count: end };
      if (!this.#take(chunk, entries)) return false;
    }
    for (let chunk = 0; chunk < chunkCount; chunk += 1) {
      const row = chunk * this.#stride;
      const end = row + this.#lengths[chunk]!;
      for (let at = row + Math.floor(startPositions[chunk]! / pageTokens); at < end; at += 1) {
        if (this.#holderCounts[this.#rows[at]!] !== 1) return false;
      }
    }
    return true;
  }

  /** Remembers the entries of a row; `false` for a page that does not exist. */
  #take(index: number, entries: Entries): boolean {
    const { tables, from, count } = entries;
    const row = index * this.#stride;
    const known = this.#lengths[index]!;
    let kept = Math.min(known, count);
    if (kept > 0 && !this.#isKept(row, { tables, from, count: kept })) kept = 0;
    for (let at = kept; at < known; at += 1) this.#holderCounts[this.#rows[row + at]!]! -= 1;
    this.#lengths[index] = kept;
    this.#rowCount = Math.max(this.#rowCount, index + 1);
    for (let at = kept; at < count; at += 1) {
      const page = tables[from + at]!;
      if (!(page >= 0 && page < this.#storage.pageCount)) return false;
      this.#holderCounts[page]! += 1;
      this.#rows[row + at] = page;
      this.#lengths[index] = at + 1;
    }
    return true;
  }

  #isKept(row: number, { tables, from, count }: Entries): boolean {
    let bytes = this.#bytesOfTables.get(tables);
    if (bytes === undefined) {
      bytes = bytesOf(tables);
      this.#bytesOfTables.set(tables, bytes);
    }
    if ((from + count) * 4 > bytes.length) return false;
    return bytes.compare(this.#rowBytes, row * 4, (row + count) * 4, from * 4, (from + count) * 4) === 0;
  }

  #dropRow(index: number): void {
    const row = index * this.#stride;
    const end = row + this.#lengths[index]!;
    for (let at = row; at < end; at += 1) this.#holderCounts[this.#rows[at]!]! -= 1;
    this.#lengths[index] = 0;
    this.#rowCount = index;
  }

  #forget(): void {
    this.#holderCounts.fill(0);
    this.#lengths.fill(0);
    this.#rowCount = 0;
  }

  #makeRoom(rowCount: number): void {
    if (rowCount <= this.#lengths.length) return;
    const rows = new Int32Array(rowCount * this.#stride);
    rows.set(this.#rows);
    const lengths = new Int32Array(rowCount);
    lengths.set(this.#lengths);
    this.#rows = rows;
    this.#rowBytes = bytesOf(rows);
    this.#lengths = lengths;
  }
}
