import { invalidBatch } from "./assert-chunks.ts";
import type { ForwardBatch } from "./executor.ts";

/**
 * Checks what a batch says of sampling.
 * @throws InferenceError `INVALID_BATCH`
 */
export function assertRowSampling(
  { chunkCount, logitCounts, sampling }: ForwardBatch,
  limits: { readonly vocabSize: number },
): void {
  if (sampling === undefined) return;
  const { tokenCount, ...arrays } = sampling;
  const { vocabSize } = limits;
  if (!Number.isInteger(tokenCount) || tokenCount < 1 || tokenCount > vocabSize) {
    throw invalidBatch("sampling.tokenCount", `an integer from 1 to ${vocabSize}`, tokenCount);
  }
  const rowCount = logitCounts.subarray(0, chunkCount).reduce((sum, count) => sum + count, 0);
  for (const name of ["isSampled", "temperatures", "exponentFloors", "topKs", "topPs", "uniforms"] as const) {
    const { length } = arrays[name];
    if (length < rowCount) throw invalidBatch(`sampling.${name}`, `${rowCount} rows`, length);
  }
}
