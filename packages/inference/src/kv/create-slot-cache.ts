import { InferenceError } from "../errors.ts";
import type { SlotMove, SlotStorage } from "../executors/executor.ts";
import { CachedSequence, type KvCache } from "./kv-cache.ts";
import { PrefixSharing } from "./prefix-sharing.ts";
import { SlotTable } from "./slot-table.ts";

/**
 * Creates a KV cache over storage in slots: each sequence has one, for its whole length, from admission to release. No
 * other sequence can use the rest of its slot, so growth within a slot always succeeds.
 */
export function createSlotCache(storage: SlotStorage): KvCache {
  const { slotCount, slotTokens } = storage;
  const table = new SlotTable(slotCount);
  const sharing = new PrefixSharing();
  const move = (each: SlotMove): void => storage.move(each);

  /** The last token is not copied: its logits are needed. */
  const copyPrefix = (from: CachedSequence, to: CachedSequence): void => {
    const tokenCount = to.tokenIds.length - 1;
    if (tokenCount === 0) return;
    storage.move({ from: from.slot, to: to.slot, fromTokens: tokenCount, toTokens: 0 });
    to.tokenCount = tokenCount;
  };

  return {
    capacityTokens: slotCount * slotTokens,
    sequenceCapacityTokens: slotTokens,
    maxSequences: slotCount,
    blockTableStride: 0,
    hasPrefixCache: false,
    usage: () => table.usedSlotCount / slotCount,
    admit: (tokenIds, maxTokens) => {
      if (maxTokens > slotTokens || table.usedSlotCount === slotCount) return undefined;
      const sequence = new CachedSequence(tokenIds);
      table.take(sequence);
      const source = sharing.sourceOf(sequence);
      if (source !== undefined && source.tokenCount >= tokenIds.length) copyPrefix(source, sequence);
      sharing.add(sequence);
      return sequence;
    },
    isWaitingForPrefix: (sequence) =>
      sequence.tokenCount === 0 && sequence.tokenIds.length > 1 && sharing.sourceOf(sequence) !== undefined,
    grow: (sequence, tokenCount) => sequence.tokenCount + tokenCount <= slotTokens,
    advance: (sequence, tokenCount) => {
      const wasComplete = sequence.tokenCount >= sequence.tokenIds.length;
      sequence.tokenCount += tokenCount;
      if (wasComplete || sequence.tokenCount < sequence.tokenIds.length) return;
      // Now: it may generate its only token in this step, and be released.
      for (const waiter of sharing.waitersOf(sequence)) copyPrefix(sequence, waiter);
    },
    release: (sequence) => {
      if (sharing.delete(sequence)) table.free(sequence);
    },
    preempt: () => {
      const expected = "a slot with room for the whole sequence";
      throw new InferenceError("KV_CACHE_FULL", { expected, got: "a sequence to preempt" });
    },
    place: (batch) => table.place(batch, move),
  };
}
