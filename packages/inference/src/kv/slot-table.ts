import type { SlotMove } from "../executors/executor.ts";
import type { CachedSequence, PlacedBatch } from "./kv-cache.ts";

type SlotBatch = Omit<PlacedBatch, "blockTables">;

/**
 * Keeps which sequence has which slot.
 *
 * A batched decode needs its sequences in the slots `0 … n − 1`; `place` moves them there. Slots are allocated from the
 * front, and sequences move only when a batch needs it, so that one that takes the slot of another costs no copy.
 */
export class SlotTable {
  readonly slotCount: number;
  readonly #sequenceAt: (CachedSequence | undefined)[];
  readonly #isDecoding: Uint8Array;
  #usedSlotCount = 0;

  constructor(slotCount: number) {
    this.slotCount = slotCount;
    this.#sequenceAt = Array.from({ length: slotCount }, () => undefined);
    this.#isDecoding = new Uint8Array(slotCount);
  }

  get usedSlotCount(): number {
    return this.#usedSlotCount;
  }

  /** Allocates the first free slot to a sequence; there must be one. */
  take(sequence: CachedSequence): void {
    sequence.slot = this.#sequenceAt.indexOf(undefined);
    this.#sequenceAt[sequence.slot] = sequence;
    this.#usedSlotCount += 1;
  }

  free(sequence: CachedSequence): void {
    this.#sequenceAt[sequence.slot] = undefined;
    this.#usedSlotCount -= 1;
  }

  /**
   * Moves the sequences with one token in a batch to the front, in any order, and writes the batch's slots; `move` is
   * called before a move is recorded.
   */
  place(batch: SlotBatch, move: (move: SlotMove) => void): void {
    const { sequences, lengths, slots } = batch;
    let decodeCount = 0;
    let lastDecodeSlot = -1;
    for (let at = 0; at < sequences.length; at += 1) {
      const { slot } = sequences[at]!.cached!;
      slots[at] = slot;
      if (lengths[at] !== 1) continue;
      decodeCount += 1;
      if (slot > lastDecodeSlot) lastDecodeSlot = slot;
    }
    if (lastDecodeSlot < decodeCount) return;
    this.#gather(batch, decodeCount, move);
    for (let at = 0; at < sequences.length; at += 1) slots[at] = sequences[at]!.cached!.slot;
  }

  #gather(batch: SlotBatch, decodeCount: number, move: (move: SlotMove) => void): void {
    const { lengths, slots } = batch;
    this.#isDecoding.fill(0);
    for (let at = 0; at < batch.sequences.length; at += 1) {
      if (lengths[at] === 1) this.#isDecoding[slots[at]!] = 1;
    }
    let to = 0;
    for (let from = decodeCount; from < this.slotCount; from += 1) {
      if (this.#isDecoding[from] === 0) continue;
      while (this.#isDecoding[to] === 1) to += 1;
      const [decoding, other] = [this.#sequenceAt[from]!, this.#sequenceAt[to]];
      move({ from, to, fromTokens: decoding.tokenCount, toTokens: other?.tokenCount ?? 0 });
      this.#sequenceAt[to] = decoding;
      this.#sequenceAt[from] = other;
      decoding.slot = to;
      if (other !== undefined) other.slot = from;
      to += 1;
    }
  }
}
