import { InferenceError } from "../../errors.ts";
import type { ForwardBatch, SlotStorage, SlotMove } from "../executor.ts";

/** Limits of a batch. */
export interface BatchLimits {
  readonly vocabSize: number;
  readonly slotTokens: number;
  readonly maxLogitRows: number;
  /** `(slotCount)` scratch, so that the check allocates nothing. */
  readonly seenSlots: Uint8Array;
  /** The rank of the adapter in a place; 0 where there is none. */
  readonly rankAt: (place: number) => number;
}

/**
 * Checks a batch before anything runs, so that the runtime reads and writes within bounds. Returns how many chunks
 * have one token.
 *
 * @throws InferenceError `INVALID_BATCH` for slots, positions and tokens, `CONTEXT_LENGTH_EXCEEDED`
 */
export function assertBatch(batch: ForwardBatch, limits: BatchLimits): number {
  const { seenSlots } = limits;
  seenSlots.fill(0);
  let decodeCount = 0;
  let lastDecodeSlot = -1;
  let tokenCount = 0;
  let rowCount = 0;
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const slot = batch.slots[chunk] ?? -1;
    const start = batch.startPositions[chunk] ?? 0;
    const length = batch.lengths[chunk] ?? 0;
    const seen = seenSlots[slot];
    if (seen === undefined) {
      throw invalid(`slots[${chunk}]`, `a slot from 0 to ${seenSlots.length - 1}`, slot);
    }
    if (seen === 1) throw invalid(`slots[${chunk}]`, "one chunk for each slot", `a second one for ${slot}`);
    seenSlots[slot] = 1;
    const place = batch.adapters?.[chunk] ?? 0;
    if (place !== 0 && limits.rankAt(place) === 0) {
      throw invalid(`adapters[${chunk}]`, "the place of a loaded adapter, or 0", place);
    }
    if (length < 1) throw invalid(`lengths[${chunk}]`, "at least 1 token", length);
    if (start < 0) throw invalid(`startPositions[${chunk}]`, "at least 0", start);
    if (start + length > limits.slotTokens) {
      const expected = `at most ${limits.slotTokens} tokens in slot ${slot}`;
      throw new InferenceError("CONTEXT_LENGTH_EXCEEDED", { expected, got: start + length });
    }
    const logitCount = batch.logitCounts[chunk] ?? 0;
    if (logitCount < 0 || logitCount > length) {
      throw invalid(`logitCounts[${chunk}]`, `0 to ${length}`, logitCount);
    }
    if (length === 1) {
      decodeCount += 1;
      lastDecodeSlot = Math.max(lastDecodeSlot, slot);
    }
    tokenCount += length;
    rowCount += Math.max(1, logitCount);
  }
  if (lastDecodeSlot >= decodeCount) {
    throw invalid(
      "slots",
      `chunks of one token in the first ${decodeCount} slots`,
      `one in ${lastDecodeSlot}`,
    );
  }
  if (rowCount > limits.maxLogitRows) {
    throw invalid("logitCounts", `at most ${limits.maxLogitRows} rows of logits`, rowCount);
  }
  if (tokenCount > batch.tokenIds.length) {
    throw invalid("tokenIds", `the ${tokenCount} tokens of all chunks`, batch.tokenIds.length);
  }
  for (let index = 0; index < tokenCount; index += 1) {
    const tokenId = batch.tokenIds[index] ?? -1;
    if (tokenId < 0 || tokenId >= limits.vocabSize) {
      throw invalid(`tokenIds[${index}]`, `a token id from 0 to ${limits.vocabSize - 1}`, tokenId);
    }
  }
  return decodeCount;
}

/** @throws InferenceError `INVALID_BATCH` */
export function assertMove(move: SlotMove, { slotCount, slotTokens }: SlotStorage): void {
  const isUpTo = (value: number, last: number): boolean =>
    Number.isInteger(value) && value >= 0 && value <= last;
  const { from, to, fromTokens, toTokens } = move;
  const areSlots = isUpTo(from, slotCount - 1) && isUpTo(to, slotCount - 1);
  if (areSlots && isUpTo(fromTokens, slotTokens) && isUpTo(toTokens, slotTokens)) return;
  throw invalid("move", `at most ${slotTokens} tokens of ${slotCount} slots`, JSON.stringify(move));
}

function invalid(field: string, expected: string, got: number | string): InferenceError {
  return new InferenceError("INVALID_BATCH", { field, expected, got });
}
