import { invalidArgument } from "../assert-argument.ts";
import { type BlockTable, runState, slotPendingState } from "./block-table.ts";
import { Domain } from "./domain.ts";
import type { EventSource } from "./ports.ts";
import type { RangeHeap } from "./range-heap.ts";

/**
 * The memory that each stream freed: the stream may reuse it at once, others after an event.
 * An event is recorded when another stream needs the memory and not at each free, so that freeing and
 * allocating on one stream calls no driver; the event is later than necessary, never earlier.
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

  /** All domains, the idle one first. */
  get all(): readonly Domain[] {
    return this.#domains;
  }

  of(streamId: number | undefined): Domain {
    if (streamId === undefined) return this.idle;
    const known = this.#byStream.get(streamId);
    if (known !== undefined) return known;
    if (this.#events === undefined) {
      throw invalidArgument("streamId", "none in a pool without stream events", streamId);
    }
    if (!Number.isSafeInteger(streamId)) {
      throw invalidArgument("streamId", "an integer", streamId);
    }
    const domain = new Domain(this.#table, this.#domains.length, streamId);
    this.#domains.push(domain);
    this.#byStream.set(streamId, domain);
    return domain;
  }

  /** Frees a range that queued work of the domain's stream may still use. */
  freeRange(id: number, domain: Domain): number {
    if (domain.streamId !== undefined) domain.hasUnrecordedFrees = true;
    return this.#heap.free(id, domain);
  }

  /** Frees a slot; returns the range that became free with it, or 0. */
  freeSlot(slot: number, domain: Domain): number {
    const owner = this.#ownerOf(slot);
    if (domain !== owner && domain.streamId !== undefined) {
      this.#table.state[slot] = slotPendingState;
      domain.pendingSlots.push({ slot, epoch: domain.epoch });
      domain.hasUnrecordedFrees = true;
      return 0;
    }
    const run = owner.slabs.free(slot);
    return run === 0 ? 0 : this.freeRange(run, owner);
  }

  /** Frees the empty runs that are kept for reuse; returns whether there were any. */
  freeEmptyRuns(): boolean {
    let found = false;
    for (const domain of this.#domains) {
      for (const run of domain.slabs.removeEmpty()) {
        this.freeRange(run, domain);
        found = true;
      }
    }
    return found;
  }

  /** Makes memory idle whose events are complete, or waits for them; returns whether there was any. */
  reclaim(mode: "poll" | "wait"): boolean {
    const events = this.#events;
    if (events === undefined) return false;
    let found = false;
    for (const domain of this.#domains) {
      if (domain.streamId === undefined) continue;
      this.#recordEvent(domain, events);
      let completed = -1;
      for (let first = domain.events[0]; first !== undefined; first = domain.events[0]) {
        if (mode === "wait") events.wait(first.event);
        else if (!events.isComplete(first.event)) break;
        domain.events.shift();
        events.release(first.event);
        completed = first.epoch;
      }
      if (completed >= 0 && this.#makeIdle(domain, completed)) found = true;
    }
    return found;
  }

  /** Removes a stream that was destroyed; its work must be done. */
  retire(streamId: number): void {
    const domain = this.#byStream.get(streamId);
    if (domain === undefined) return;
    for (const { event } of domain.events.splice(0)) this.#events?.release(event);
    domain.hasUnrecordedFrees = false;
    this.#makeIdle(domain, domain.epoch);
    for (const run of domain.slabs.removeEmpty()) this.#heap.free(run, this.idle);
    domain.slabs.moveTo(this.idle.slabs);
    this.#byStream.delete(streamId);
    // Full runs are in no list; their slots return to the idle domain through this index.
    this.#domains[domain.index] = this.idle;
  }

  /** Releases every event. */
  dispose(): void {
    for (const domain of this.#domains) {
      for (const { event } of domain.events.splice(0)) this.#events?.release(event);
    }
  }

  #recordEvent(domain: Domain, events: EventSource): void {
    if (!domain.hasUnrecordedFrees || domain.streamId === undefined) return;
    domain.events.push({ epoch: domain.epoch, event: events.record(domain.streamId) });
    domain.epoch += 1;
    domain.hasUnrecordedFrees = false;
  }

  #makeIdle(domain: Domain, epoch: number): boolean {
    const table = this.#table;
    let found = false;
    for (const id of domain.bins.ids()) {
      if (table.epoch[id]! > epoch) continue;
      domain.bins.remove(id);
      this.#heap.free(id, this.idle);
      found = true;
    }
    const later = domain.pendingSlots.filter((pending) => pending.epoch > epoch);
    const done = domain.pendingSlots.filter((pending) => pending.epoch <= epoch);
    domain.pendingSlots = later;
    for (const { slot } of done) {
      this.freeSlot(slot, this.idle);
      found = true;
    }
    return found;
  }

  #ownerOf(slot: number): Domain {
    const run = this.#table.owner[slot]!;
    const owner = this.#table.state[run] === runState ? this.#domains[this.#table.domain[run]!] : undefined;
    if (owner === undefined) throw new RangeError(`expected a run of slot ${slot}, got none`);
    return owner;
  }
}
