import { InferenceError } from "../errors.ts";
import type { ForwardBatch } from "./executor.ts";

/** Limits of a batch, however keys and values are stored. */
export interface BatchLimits {
  readonly vocabSize: number;
  /** The longest sequence. */
  readonly sequenceTokens: number;
  readonly maxLogitRows: number;
  /** The rank of the adapter in a place; 0 where there is none. */
  readonly rankAt: (place: number) => number;
}

/**
 * Checks positions, rows of logits, adapters and tokens of a batch before anything runs; where keys and values are is
 * checked by storage: slots by the executor, pages by `BlockTableCheck`.
 *
 * @throws InferenceError `INVALID_BATCH`, `CONTEXT_LENGTH_EXCEEDED`
 */
export function assertChunks(batch: ForwardBatch, limits: BatchLimits): void {
  let tokenCount = 0;
  let rowCount = 0;
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const start = batch.startPositions[chunk] ?? 0;
    const length = batch.lengths[chunk] ?? 0;
    const place = batch.adapters?.[chunk] ?? 0;
    if (place !== 0 && limits.rankAt(place) === 0) {
      throw invalidBatch(`adapters[${chunk}]`, "the place of a loaded adapter, or 0", place);
    }
    if (length < 1) throw invalidBatch(`lengths[${chunk}]`, "at least 1 token", length);
    if (start < 0) throw invalidBatch(`startPositions[${chunk}]`, "at least 0", start);
    if (start + length > limits.sequenceTokens) {
      const expected = `at most ${limits.sequenceTokens} tokens in a sequence`;
      throw new InferenceError("CONTEXT_LENGTH_EXCEEDED", { expected, got: start + length });
    }
    const logitCount = batch.logitCounts[chunk] ?? 0;
    if (logitCount < 0 || logitCount > length) {
      throw invalidBatch(`logitCounts[${chunk}]`, `0 to ${length}`, logitCount);
    }
    tokenCount += length;
    rowCount += Math.max(1, logitCount);
  }
  if (rowCount > limits.maxLogitRows) {
    throw invalidBatch("logitCounts", `at most ${limits.maxLogitRows} rows of logits`, rowCount);
  }
  if (tokenCount > batch.tokenIds.length) {
    throw invalidBatch("tokenIds", `the ${tokenCount} tokens of all chunks`, batch.tokenIds.length);
  }
  for (let index = 0; index < tokenCount; index += 1) {
    const tokenId = batch.tokenIds[index] ?? -1;
    if (tokenId < 0 || tokenId >= limits.vocabSize) {
      throw invalidBatch(`tokenIds[${index}]`, `a token id from 0 to ${limits.vocabSize - 1}`, tokenId);
    }
  }
}

/** Makes the error of a batch that breaks the contract. */
export function invalidBatch(field: string, expected: string, got: number | string): InferenceError {
  return new InferenceError("INVALID_BATCH", { field, expected, got });
}
