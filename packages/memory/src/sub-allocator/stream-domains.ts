import { MemoryError } from "../errors.ts";
import { type BlockTable, runState, slotPending } from "./block-table.ts";
import { Domain } from "./domain.ts";
import type { EventSource } from "./ports.ts";
import type { RangeHeap } from "./range-heap.ts";

/**
 * The memory that each stream freed and may use again at once, and when others may have it.
 * An event is recorded when somebody else wants the memory and not at each free, so that freeing
 * and allocating on one stream calls no driver; the event is then later than it must be, never earlier.
 */
export class StreamDomains {
  readonly idle: Domain;
  readonly #table: BlockTable;
  readonly #heap: RangeHeap;
  readonly #events: EventSource | undefined;
  readonly #domains: Domain[];
  readonly #byStream: Map<number, Domain> = new Map();

  constructor(table: BlockTable, heap: RangeHeap, events: EventSource | undefined) {
    this.#table = table;
    this.#heap = heap;
    this.#events = events;
    this.idle = new Domain(table, 0);
    this.#domains = [this.idle];
  }

  /** Domains that hold free memory or runs, the idle one first. */
  get all(): readonly Domain[] {
    return this.#domains;
  }

  of(streamId: number | undefined): Domain {
    if (streamId === undefined) return this.idle;
    const known = this.#byStream.get(streamId);
    if (known !== undefined) return known;
    if (this.#events === undefined) {
      throw new MemoryError(
        "INVALID_ARGUMENT",
        `asked for stream ${streamId}, found a pool without streams: it was created without an event source`,
      );
    }
    if (!Number.isSafeInteger(streamId)) {
      throw new MemoryError("INVALID_ARGUMENT", `streamId must be an integer, found ${streamId}`);
    }
    const domain = new Domain(this.#table, this.#domains.length, streamId);
    this.#domains.push(domain);
    this.#byStream.set(streamId, domain);
    return domain;
  }

  /** Frees a range that the domain's stream may still be working on. */
  releaseRange(id: number, domain: Domain): number {
    if (domain.streamId !== undefined) domain.isUnsealed = true;
    return this.#heap.release(id, domain);
  }

  /** Frees a slot; answers the range that became free with it, or 0. */
  releaseSlot(slot: number, domain: Domain): number {
    const owner = this.#ownerOf(slot);
    if (domain !== owner && domain.streamId !== undefined) {
      this.#table.state[slot] = slotPending;
      domain.pendingSlots.push({ slot, epoch: domain.epoch });
      domain.isUnsealed = true;
      return 0;
    }
    const run = owner.slabs.give(slot);
    return run === 0 ? 0 : this.releaseRange(run, owner);
  }

  /** Gives back the empty runs that are kept for later; answers whether there were any. */
  dropEmptyRuns(): boolean {
    let found = false;
    for (const domain of this.#domains) {
      for (const run of domain.slabs.dropEmpty()) {
        this.releaseRange(run, domain);
        found = true;
      }
    }
    return found;
  }

  /** Makes idle what streams are done with, after waiting for them if asked to; answers whether anything was. */
  reclaim(mode: "poll" | "wait"): boolean {
    const events = this.#events;
    if (events === undefined) return false;
    let found = false;
    for (const domain of this.#domains) {
      if (domain.streamId === undefined) continue;
      this.#seal(domain, events);
      let completed = -1;
      for (let seal = domain.seals[0]; seal !== undefined; seal = domain.seals[0]) {
        if (mode === "wait") events.wait(seal.event);
        else if (!events.isComplete(seal.event)) break;
        domain.seals.shift();
        events.release(seal.event);
        completed = seal.epoch;
      }
      if (completed >= 0 && this.#makeIdle(domain, completed)) found = true;
    }
    return found;
  }

  /** Forgets a stream that has ended: the caller vouches that its work is done. */
  retire(streamId: number): void {
    const domain = this.#byStream.get(streamId);
    if (domain === undefined) return;
    for (const seal of domain.seals.splice(0)) this.#events?.release(seal.event);
    domain.isUnsealed = false;
    this.#makeIdle(domain, domain.epoch);
    for (const run of domain.slabs.dropEmpty()) this.#heap.release(run, this.idle);
    domain.slabs.moveTo(this.idle.slabs);
    this.#byStream.delete(streamId);
    // Runs that are full are in no list; their slots come back to the idle domain by this index.
    this.#domains[domain.index] = this.idle;
  }

  /** Lets go of every event. */
  dispose(): void {
    for (const domain of this.#domains) {
      for (const seal of domain.seals.splice(0)) this.#events?.release(seal.event);
    }
  }

  #seal(domain: Domain, events: EventSource): void {
    if (!domain.isUnsealed || domain.streamId === undefined) return;
    domain.seals.push({ epoch: domain.epoch, event: events.record(domain.streamId) });
    domain.epoch += 1;
    domain.isUnsealed = false;
  }

  #makeIdle(domain: Domain, epoch: number): boolean {
    const table = this.#table;
    let found = false;
    for (const id of domain.bins.ids()) {
      if (table.epoch[id]! > epoch) continue;
      domain.bins.remove(id);
      this.#heap.release(id, this.idle);
      found = true;
    }
    const later = domain.pendingSlots.filter((pending) => pending.epoch > epoch);
    const done = domain.pendingSlots.filter((pending) => pending.epoch <= epoch);
    domain.pendingSlots = later;
    for (const { slot } of done) {
      this.releaseSlot(slot, this.idle);
      found = true;
    }
    return found;
  }

  #ownerOf(slot: number): Domain {
    const run = this.#table.owner[slot]!;
    const owner = this.#table.state[run] === runState ? this.#domains[this.#table.domain[run]!] : undefined;
    if (owner === undefined) throw new RangeError(`slot ${slot} has no run`);
    return owner;
  }
}
