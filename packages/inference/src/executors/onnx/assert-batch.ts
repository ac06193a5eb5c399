import { InferenceError } from "../../errors.ts";
import type { ForwardBatch, KvStorage, SlotMove } from "../executor.ts";

/** What a batch must fit. */
export interface BatchLimits {
  readonly vocabSize: number;
  readonly slotTokens: number;
  readonly maxLogitRows: number;
  /** `(slotCount)` scratch, so that a check allocates nothing. */
  readonly seenSlots: Uint8Array;
}

/**
 * Checks a batch before anything runs: what the runtime would read or write out of bounds ends here. Answers how many
 * chunks have one token.
 *
 * @throws InferenceError `INVALID_BATCH` for slots, positions and tokens, `CONTEXT_LENGTH_EXCEEDED`
 */
export function checkBatch(batch: ForwardBatch, limits: BatchLimits): number {
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
      throw new InferenceError(
        "INVALID_BATCH",
        `a slot must be from 0 to ${seenSlots.length - 1}; found ${slot}`,
      );
    }
    if (seen === 1) throw invalid(slot, "one chunk in a batch", "two");
    seenSlots[slot] = 1;
    if (length < 1) throw invalid(slot, "at least 1 token in a chunk", length);
    if (start < 0) throw invalid(slot, "a start of at least 0", start);
    if (start + length > limits.slotTokens) {
      throw new InferenceError(
        "CONTEXT_LENGTH_EXCEEDED",
        `a sequence holds at most ${limits.slotTokens} tokens; the one in slot ${slot} would have ${start + length}`,
      );
    }
    const logitCount = batch.logitCounts[chunk] ?? 0;
    if (logitCount < 0 || logitCount > length) {
      throw invalid(slot, `logits after 0 to ${length} tokens`, logitCount);
    }
    if (length === 1) {
      decodeCount += 1;
      lastDecodeSlot = Math.max(lastDecodeSlot, slot);
    }
    tokenCount += length;
    rowCount += Math.max(1, logitCount);
  }
  if (lastDecodeSlot >= decodeCount) {
    throw invalid(lastDecodeSlot, `more than one token, as ${decodeCount} chunks have one`, "one");
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
  return decodeCount;
}

/** @throws InferenceError `INVALID_BATCH` */
export function checkMove(move: SlotMove, { slotCount, slotTokens }: KvStorage): void {
  const isUpTo = (value: number, last: number): boolean =>
    Number.isInteger(value) && value >= 0 && value <= last;
  const { from, to, fromTokens, toTokens } = move;
  const areSlots = isUpTo(from, slotCount - 1) && isUpTo(to, slotCount - 1);
  if (areSlots && isUpTo(fromTokens, slotTokens) && isUpTo(toTokens, slotTokens)) return;
  throw new InferenceError(
    "INVALID_BATCH",
    `a move must be of at most ${slotTokens} tokens among ${slotCount} slots; found ${JSON.stringify(move)}`,
  );
}

function invalid(slot: number, wanted: string, found: number | string): InferenceError {
  return new InferenceError("INVALID_BATCH", `slot ${slot} must have ${wanted}; found ${found}`);
}
