import { InferenceError } from "../../errors.ts";
import type { ForwardBatch } from "../executor.ts";
import type { SlotTable } from "./slot-table.ts";

/** What a batch must fit. */
export interface BatchLimits {
  readonly vocabSize: number;
  readonly sequenceCapacityTokens: number;
  readonly maxLogitRows: number;
  /** `(slotCount)` scratch, so that a check allocates nothing. */
  readonly seenSlots: Uint8Array;
}

/**
 * Checks a batch before anything runs: what the runtime would read or write out of bounds ends here.
 *
 * @throws InferenceError `INVALID_BATCH` for ids, positions and tokens, `CONTEXT_LENGTH_EXCEEDED`
 */
export function checkBatch(batch: ForwardBatch, table: SlotTable, limits: BatchLimits): void {
  limits.seenSlots.fill(0);
  let tokenCount = 0;
  let rowCount = 0;
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const sequenceId = batch.sequenceIds[chunk] ?? 0;
    const start = batch.startPositions[chunk] ?? 0;
    const length = batch.lengths[chunk] ?? 0;
    const slot = table.slotOf(sequenceId);
    if (limits.seenSlots[slot] === 1) throw invalid(sequenceId, "one chunk in a batch", "two");
    limits.seenSlots[slot] = 1;
    const held = table.tokensAt(slot);
    if (length < 1) throw invalid(sequenceId, "at least 1 token in a chunk", length);
    if (start < 0 || start > held)
      throw invalid(sequenceId, `a start from 0 to the ${held} tokens held`, start);
    if (start + length > limits.sequenceCapacityTokens) {
      throw new InferenceError(
        "CONTEXT_LENGTH_EXCEEDED",
        `a sequence holds at most ${limits.sequenceCapacityTokens} tokens; sequence ${sequenceId} would have ${start + length}`,
      );
    }
    const logitCount = batch.logitCounts[chunk] ?? 0;
    if (logitCount < 0 || logitCount > length) {
      throw invalid(sequenceId, `logits after 0 to ${length} tokens`, logitCount);
    }
    tokenCount += length;
    rowCount += Math.max(1, logitCount);
  }
  if (rowCount > limits.maxLogitRows) {
    throw new InferenceError(
      "INVALID_BATCH",
      `a batch has at most ${limits.maxLogitRows} rows of logits; found ${rowCount}`,
    );
  }
  if (tokenCount > batch.tokenIds.length) {
    throw new InferenceError(
      "INVALID_BATCH",
      `the chunks have ${tokenCount} tokens; found ${batch.tokenIds.length} token ids`,
    );
  }
  for (let index = 0; index < tokenCount; index += 1) {
    const tokenId = batch.tokenIds[index] ?? -1;
    if (tokenId < 0 || tokenId >= limits.vocabSize) {
      throw new InferenceError(
        "INVALID_BATCH",
        `a token id must be from 0 to ${limits.vocabSize - 1}; found ${tokenId} at ${index}`,
      );
    }
  }
}

function invalid(sequenceId: number, wanted: string, found: number | string): InferenceError {
  return new InferenceError("INVALID_BATCH", `sequence ${sequenceId} must have ${wanted}; found ${found}`);
}
