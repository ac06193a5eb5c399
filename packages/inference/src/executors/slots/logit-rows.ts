import { InferenceError } from "../../errors.ts";
import type { ForwardBatch, ForwardResult } from "../executor.ts";
import type { ResolvedSizes } from "../resolve-sizes.ts";

/** A chunk of 32 tokens is about as efficient as a longer one; a row of a large vocabulary takes half a megabyte. */
const extraLogitRows = 31;

/** Rows of logits: one for each sequence, and more for log-probabilities of prompts. */
export function logitRowCount(sizes: ResolvedSizes): number {
  return sizes.maxSequences + Math.min(extraLogitRows, sizes.maxChunkTokens - 1);
}

/** Rows of logits in batch order; in memory, decodes are ordered by slot, and longer chunks follow. */
export class LogitRows implements ForwardResult {
  rowCount = 0;
  readonly #logits: readonly Float32Array[];
  readonly #rows: Int32Array;

  constructor(logits: readonly Float32Array[]) {
    this.#logits = logits;
    this.#rows = new Int32Array(logits.length);
  }

  row(index: number): Float32Array {
    const logits = index < this.rowCount ? this.#logits[this.#rows[index] ?? -1] : undefined;
    if (logits === undefined) {
      const expected = `one of ${this.rowCount} rows`;
      throw new InferenceError("INVALID_BATCH", { field: "index", expected, got: index });
    }
    return logits;
  }

  assign(batch: ForwardBatch, decodeCount: number): void {
    let nextRow = decodeCount;
    this.rowCount = 0;
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      const logitCount = batch.logitCounts[chunk] ?? 0;
      const isDecode = batch.lengths[chunk] === 1;
      const firstRow = isDecode ? (batch.slots[chunk] ?? 0) : nextRow;
      for (let at = 0; at < logitCount; at += 1) {
        this.#rows[this.rowCount] = firstRow + at;
        this.rowCount += 1;
      }
      if (!isDecode) nextRow += logitCount;
    }
  }
}
