import { noLogprobs } from "./row-sampling.ts";
import { invalidBatch } from "./assert-chunks.ts";
import type { ForwardBatch } from "./executor.ts";
import {
  maskWords,
  noMask,
  rowBounds,
  type RowEditCapacity,
  type RowEdits,
  rowPenalties,
} from "./row-edits.ts";

/** What an executor has room for. */
export interface SamplingLimits {
  readonly vocabSize: number;
  /** [none] */
  readonly editCapacity?: RowEditCapacity | undefined;
  /** [no log-probabilities] */
  readonly maxTopCount?: number | undefined;
}

/**
 * Checks what a batch says of sampling.
 * @throws InferenceError `INVALID_BATCH`
 */
export function assertRowSampling(
  { chunkCount, logitCounts, sampling }: ForwardBatch,
  limits: SamplingLimits,
): void {
  if (sampling === undefined) return;
  const { tokenCount, edits, topCounts } = sampling;
  const { vocabSize } = limits;
  if (!Number.isInteger(tokenCount) || tokenCount < 1 || tokenCount > vocabSize) {
    throw invalidBatch("sampling.tokenCount", `an integer from 1 to ${vocabSize}`, tokenCount);
  }
  let rowCount = 0;
  for (let chunk = 0; chunk < chunkCount; chunk += 1) rowCount += logitCounts[chunk]!;
  for (const name of ["isSampled", "temperatures", "exponentFloors", "topKs", "topPs", "uniforms"] as const) {
    const { length } = sampling[name];
    if (length < rowCount) throw invalidBatch(`sampling.${name}`, `${rowCount} rows`, length);
  }
  if (edits !== undefined) assertRowEdits(edits, rowCount, limits);
  if (topCounts !== undefined) assertTopCounts(topCounts, rowCount, limits);
}

function assertTopCounts(topCounts: Int32Array, rowCount: number, { maxTopCount }: SamplingLimits): void {
  const { length } = topCounts;
  if (maxTopCount === undefined) throw invalidBatch("sampling.topCounts", "none for this executor", "some");
  if (length < rowCount) throw invalidBatch("sampling.topCounts", `${rowCount} rows`, length);
  for (let row = 0; row < rowCount; row += 1) {
    const count = topCounts[row]!;
    if (count >= noLogprobs && count <= maxTopCount) continue;
    throw invalidBatch(`sampling.topCounts[${row}]`, `an integer from −1 to ${maxTopCount}`, count);
  }
}

function assertRowEdits(
  edits: RowEdits,
  rowCount: number,
  { vocabSize, editCapacity }: SamplingLimits,
): void {
  const { bounds, maskIndices, editCount, maskCount } = edits;
  if (editCapacity === undefined) throw invalidBatch("sampling.edits", "none for this executor", "some");
  assertUsed("editCount", editCount, editCapacity.edits);
  assertUsed("maskCount", maskCount, editCapacity.masks);
  for (const [name, least] of [
    ["bounds", rowCount * rowBounds],
    ["penalties", rowCount * rowPenalties],
    ["maskIndices", rowCount],
    ["tokenIds", editCount],
    ["values", editCount],
    ["masks", maskCount * maskWords(vocabSize)],
  ] as const) {
    const { length } = edits[name];
    if (length < least) throw invalidBatch(`sampling.edits.${name}`, `at least ${least} numbers`, length);
  }
  for (let row = 0; row < rowCount; row += 1) {
    const mask = maskIndices[row]!;
    if (mask !== noMask && !(mask >= 0 && mask < maskCount)) {
      throw invalidBatch(`sampling.edits.maskIndices[${row}]`, `−1, or one of ${maskCount} masks`, mask);
    }
    let before = 0;
    for (let at = row * rowBounds; at < (row + 1) * rowBounds; at += 1) {
      const bound = bounds[at]!;
      if (bound < before || bound > editCount) {
        throw invalidBatch(`sampling.edits.bounds[${at}]`, `an index from ${before} to ${editCount}`, bound);
      }
      before = bound;
    }
  }
}

function assertUsed(name: "editCount" | "maskCount", count: number, most: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= most) return;
  throw invalidBatch(`sampling.edits.${name}`, `an integer from 0 to ${most}`, count);
}
