import { type BatchLimits, assertChunks, invalidBatch } from "../assert-chunks.ts";
import type { ForwardBatch, SlotMove, SlotStorage } from "../executor.ts";

/** Limits of a batch over slots. */
export interface SlotBatchLimits extends BatchLimits {
  /** `(slotCount)` scratch, so that the check allocates nothing. */
  readonly seenSlots: Uint8Array;
}

/**
 * Checks a batch before anything runs, so that the runtime reads and writes within bounds. Returns how many chunks
 * have one token.
 *
 * @throws InferenceError `INVALID_BATCH` for slots, positions and tokens, `CONTEXT_LENGTH_EXCEEDED`
 */
export function assertBatch(batch: ForwardBatch, limits: SlotBatchLimits): number {
  const { seenSlots } = limits;
  seenSlots.fill(0);
  let decodeCount = 0;
  let lastDecodeSlot = -1;
  for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
    const slot = batch.slots[chunk] ?? -1;
    const seen = seenSlots[slot];
    if (seen === undefined) {
      throw invalidBatch(`slots[${chunk}]`, `a slot from 0 to ${seenSlots.length - 1}`, slot);
    }
    if (seen === 1) {
      throw invalidBatch(`slots[${chunk}]`, "one chunk for each slot", `a second one for ${slot}`);
    }
    seenSlots[slot] = 1;
    if (batch.lengths[chunk] !== 1) continue;
    decodeCount += 1;
    lastDecodeSlot = Math.max(lastDecodeSlot, slot);
  }
  if (lastDecodeSlot >= decodeCount) {
    const expected = `chunks of one token in the first ${decodeCount} slots`;
    throw invalidBatch("slots", expected, `one in ${lastDecodeSlot}`);
  }
  assertChunks(batch, limits);
  return decodeCount;
}

/** @throws InferenceError `INVALID_BATCH` */
export function assertMove(move: SlotMove, { slotCount, slotTokens }: SlotStorage): void {
  const isUpTo = (value: number, last: number): boolean =>
    Number.isInteger(value) && value >= 0 && value <= last;
  const { from, to, fromTokens, toTokens } = move;
  const areSlots = isUpTo(from, slotCount - 1) && isUpTo(to, slotCount - 1);
  if (areSlots && isUpTo(fromTokens, slotTokens) && isUpTo(toTokens, slotTokens)) return;
  throw invalidBatch("move", `at most ${slotTokens} tokens of ${slotCount} slots`, JSON.stringify(move));
}
