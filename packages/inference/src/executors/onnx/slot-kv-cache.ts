import { InferenceError } from "../../errors.ts";
import type { KvCache } from "../executor.ts";
import type { KvSlots } from "./kv-slots.ts";
import type { SlotTable } from "./slot-table.ts";

/** A KV cache of one slot per sequence. What a sequence does not use of its slot, no other can have. */
export class SlotKvCache implements KvCache {
  readonly capacityTokens: number;
  readonly sequenceCapacityTokens: number;
  readonly maxSequences: number;
  readonly #table: SlotTable;
  readonly #kv: Pick<KvSlots, "move">;
  readonly #leaving = new Set<number>();
  #isForwarding = false;

  constructor(table: SlotTable, kv: Pick<KvSlots, "move">, sequenceCapacityTokens: number) {
    this.#table = table;
    this.#kv = kv;
    this.maxSequences = table.slotCount;
    this.sequenceCapacityTokens = sequenceCapacityTokens;
    this.capacityTokens = table.slotCount * sequenceCapacityTokens;
  }

  /** Share of slots that are taken. */
  usage(): number {
    return this.#table.usedSlotCount / this.#table.slotCount;
  }

  canAcquire(maxTokens: number): boolean {
    return maxTokens <= this.sequenceCapacityTokens && this.#table.usedSlotCount < this.#table.slotCount;
  }

  acquire(sequenceId: number, maxTokens: number): void {
    if (maxTokens > this.sequenceCapacityTokens) {
      throw new InferenceError(
        "KV_CACHE_FULL",
        `a sequence holds at most ${this.sequenceCapacityTokens} tokens; sequence ${sequenceId} wants ${maxTokens}`,
      );
    }
    this.#table.acquire(sequenceId);
  }

  /** Takes effect at the end of a forward that is running: native code may be writing to the slot. */
  release(sequenceId: number): void {
    if (this.#isForwarding) this.#leaving.add(sequenceId);
    else this.#table.release(sequenceId);
  }

  copyPrefix(fromId: number, toId: number, tokenCount: number): void {
    const [from, to] = [this.#table.slotOf(fromId), this.#table.slotOf(toId)];
    const held = this.#table.tokensAt(from);
    if (this.#isForwarding || !Number.isInteger(tokenCount) || tokenCount < 0 || tokenCount > held) {
      const found = this.#isForwarding ? "a forward that runs" : tokenCount;
      throw new InferenceError(
        "INVALID_BATCH",
        `0 to ${held} tokens of sequence ${fromId} can be copied between two forwards; found ${found}`,
      );
    }
    this.#kv.move({ from, to, fromTokens: tokenCount, toTokens: 0 });
    this.#table.setTokensAt(to, tokenCount);
  }

  /** Keeps slots as they are until `endForward`. */
  beginForward(): void {
    this.#isForwarding = true;
  }

  endForward(): void {
    this.#isForwarding = false;
    for (const sequenceId of this.#leaving) this.#table.release(sequenceId);
    this.#leaving.clear();
  }
}
