import { InferenceError } from "../../errors.ts";

/** What must be copied so that a sequence has its new slot: one copy, or a swap of two. */
export interface SlotMove {
  readonly from: number;
  readonly to: number;
  /** Positions in use at `from`. */
  readonly fromTokens: number;
  /** Positions in use at `to` that must go to `from`; 0 when `to` was free. */
  readonly toTokens: number;
}

const FREE = -1;

/**
 * Says which sequence has which slot and how much of the slot it uses. Pure bookkeeping.
 *
 * One batched decode needs its sequences in the slots `0 … n − 1`; `gather` brings them there. Slots
 * are filled from the front and moves happen only when a batch needs them, so that a sequence that
 * ends and one that takes its place cost no copy.
 */
export class SlotTable {
  readonly slotCount: number;
  readonly #sequenceAt: Int32Array;
  readonly #tokensAt: Int32Array;
  readonly #slotOf = new Map<number, number>();
  readonly #isWanted: Uint8Array;

  constructor(slotCount: number) {
    this.slotCount = slotCount;
    this.#sequenceAt = new Int32Array(slotCount).fill(FREE);
    this.#tokensAt = new Int32Array(slotCount);
    this.#isWanted = new Uint8Array(slotCount);
  }

  get usedSlotCount(): number {
    return this.#slotOf.size;
  }

  has(sequenceId: number): boolean {
    return this.#slotOf.has(sequenceId);
  }

  /** @throws InferenceError `KV_CACHE_FULL`, `INVALID_BATCH` when the sequence already has a slot */
  acquire(sequenceId: number): number {
    if (this.#slotOf.has(sequenceId)) {
      throw new InferenceError("INVALID_BATCH", `sequence ${sequenceId} already has a slot of the KV cache`);
    }
    const slot = this.#sequenceAt.indexOf(FREE);
    if (slot === -1) {
      throw new InferenceError(
        "KV_CACHE_FULL",
        `sequence ${sequenceId} wants a slot of the KV cache; all ${this.slotCount} are taken`,
      );
    }
    this.#sequenceAt[slot] = sequenceId;
    this.#tokensAt[slot] = 0;
    this.#slotOf.set(sequenceId, slot);
    return slot;
  }

  /** Frees the slot; a sequence that has none is left alone. */
  release(sequenceId: number): void {
    const slot = this.#slotOf.get(sequenceId);
    if (slot === undefined) return;
    this.#slotOf.delete(sequenceId);
    this.#sequenceAt[slot] = FREE;
    this.#tokensAt[slot] = 0;
  }

  /** @throws InferenceError `INVALID_BATCH` when the sequence has no slot */
  slotOf(sequenceId: number): number {
    const slot = this.#slotOf.get(sequenceId);
    if (slot === undefined) {
      throw new InferenceError("INVALID_BATCH", `sequence ${sequenceId} has no slot of the KV cache`);
    }
    return slot;
  }

  /** Positions in use at a slot. */
  tokensAt(slot: number): number {
    return this.#tokensAt[slot] ?? 0;
  }

  setTokensAt(slot: number, tokenCount: number): void {
    this.#tokensAt[slot] = tokenCount;
  }

  /**
   * Brings the sequences at `slots[0 … count − 1]` to the front, in any order, and tells each move
   * before it is recorded. Slots that `slots` names change; ask `slotOf` again afterwards.
   */
  gather(slots: Int32Array, count: number, move: (move: SlotMove) => void): void {
    this.#isWanted.fill(0);
    for (let index = 0; index < count; index += 1) this.#isWanted[slots[index] ?? 0] = 1;
    let hole = 0;
    for (let from = count; from < this.slotCount; from += 1) {
      if (this.#isWanted[from] === 0) continue;
      while (this.#isWanted[hole] === 1) hole += 1;
      move({
        from,
        to: hole,
        fromTokens: this.tokensAt(from),
        toTokens: this.#sequenceAt[hole] === FREE ? 0 : this.tokensAt(hole),
      });
      this.#exchange(from, hole);
      hole += 1;
    }
  }

  #exchange(a: number, b: number): void {
    const [idA = FREE, idB = FREE] = [this.#sequenceAt[a], this.#sequenceAt[b]];
    const [tokensA, tokensB] = [this.tokensAt(a), this.tokensAt(b)];
    this.#sequenceAt[a] = idB;
    this.#sequenceAt[b] = idA;
    this.#tokensAt[a] = tokensB;
    this.#tokensAt[b] = tokensA;
    if (idA !== FREE) this.#slotOf.set(idA, b);
    if (idB !== FREE) this.#slotOf.set(idB, a);
  }
}
