import { InferenceError } from "../../errors.ts";
import type { KvCache } from "../../executor.ts";
import type { SlotTable } from "./slot-table.ts";

/** A KV cache of one slot per sequence. What a sequence does not use of its slot, no other can have. */
export class SlotKvCache implements KvCache {
  readonly capacityTokens: number;
  readonly sequenceCapacityTokens: number;
  readonly maxSequences: number;
  readonly #table: SlotTable;
  readonly #leaving = new Set<number>();
  #isForwarding = false;

  constructor(table: SlotTable, sequenceCapacityTokens: number) {
    this.#table = table;
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
