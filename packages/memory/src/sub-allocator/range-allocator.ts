import { MemoryError } from "../errors.ts";
import { Arenas } from "./arenas.ts";
import { assertInteger, assertPowerOfTwo } from "../assert-argument.ts";
import { BlockTable, liveState, maxGranules, slotLiveState } from "./block-table.ts";
import { Counters } from "./counters.ts";
import type { Domain } from "./domain.ts";
import type { MappedArena } from "./ports.ts";
import { RangeHeap } from "./range-heap.ts";
import { RangeReservation } from "./range-reservation.ts";
import { largestSmall } from "./size-classes.ts";
import { StreamDomains } from "./stream-domains.ts";
import type {
  Placement,
  RangeHandle,
  SubAllocator,
  SubAllocatorOptions,
  SubAllocatorReservation,
  SubAllocatorStats,
} from "./sub-allocator.ts";

/** A request that no free range fits. */
interface Miss {
  readonly size: number;
  readonly alignment: number;
  readonly domain: Domain;
  /** Whether a slot is no substitute. */
  readonly isRange: boolean;
}

/** A class: with several pools in one process, closures ran two to three times slower. */
export class RangeAllocator<Arena extends MappedArena> implements SubAllocator<Arena> {
  readonly #options: SubAllocatorOptions<Arena>;
  readonly #granularityBytes: number;
  readonly #table: BlockTable = new BlockTable();
  readonly #heap: RangeHeap = new RangeHeap(this.#table);
  readonly #counters: Counters = new Counters();
  readonly #streams: StreamDomains;
  readonly #idle: Domain;
  readonly #arenas: Arenas<Arena>;

  constructor(options: SubAllocatorOptions<Arena>) {
    const { source, granularityBytes, limitBytes, arenaBytes, events } = options;
    assertPowerOfTwo("granularityBytes", granularityBytes);
    assertPowerOfTwo("source.granularityBytes", source.granularityBytes);
    assertPowerOfTwo("source.baseAlignmentBytes", source.baseAlignmentBytes);
    assertInteger("limitBytes", limitBytes);
    assertInteger("arenaBytes", arenaBytes);
    this.#options = options;
    this.#granularityBytes = granularityBytes;
    this.#streams = new StreamDomains(this.#table, this.#heap, events);
    this.#idle = this.#streams.idle;
    this.#arenas = new Arenas({ table: this.#table, heap: this.#heap, idle: this.#idle }, options);
  }

  allocate(sizeBytes: number, placement?: Placement): RangeHandle | undefined {
    const size = this.#granulesOf(sizeBytes);
    const alignment =
      placement?.alignmentBytes === undefined ? 1 : this.#alignmentOf(placement.alignmentBytes);
    const domain = placement?.streamId === undefined ? this.#idle : this.#streams.of(placement.streamId);
    if (size > maxGranules) return undefined;
    let id = this.#allocate(size, alignment, domain);
    if (id === 0) id = this.#allocateSlow({ size, alignment, domain, isRange: false });
    if (id === 0) return undefined;
    this.#counters.add(this.#table.size[id]!);
    return this.#table.handleOf(id);
  }

  free(handle: RangeHandle, streamId?: number): void {
    const table = this.#table;
    const id = this.#resolve(handle);
    const domain = streamId === undefined ? this.#idle : this.#streams.of(streamId);
    table.invalidate(id);
    this.#counters.remove(table.size[id]!);
    const freed =
      table.state[id] === liveState
        ? this.#streams.freeRange(id, domain)
        : this.#streams.freeSlot(id, domain);
    this.#retainArenas(freed);
  }

  reserve(sizeBytes: number): SubAllocatorReservation | undefined {
    const size = this.#granulesOf(sizeBytes);
    if (size > maxGranules) return undefined;
    let id = this.#allocateRange(size, 1, this.#idle);
    if (id === 0) id = this.#allocateSlow({ size, alignment: 1, domain: this.#idle, isRange: true });
    if (id === 0) return undefined;
    const parts = { table: this.#table, heap: this.#heap, idle: this.#idle, counters: this.#counters };
    const reservation = new RangeReservation(parts, id);
    const remainingBytes = (): number => reservation.size * this.#granularityBytes;
    return {
      get remainingBytes() {
        return remainingBytes();
      },
      allocate: (partBytes, alignmentBytes) => {
        const alignment = alignmentBytes === undefined ? 1 : this.#alignmentOf(alignmentBytes);
        const part = reservation.allocate(this.#granulesOf(partBytes), alignment);
        return part === 0 ? undefined : this.#table.handleOf(part);
      },
      release: () => this.#retainArenas(reservation.release()),
    };
  }

  sizeOf(handle: RangeHandle): number {
    return this.#table.size[this.#resolve(handle)]! * this.#granularityBytes;
  }

  offsetOf(handle: RangeHandle): number {
    return this.#table.start[this.#resolve(handle)]! * this.#granularityBytes;
  }

  arenaOf(handle: RangeHandle): Arena {
    return this.#arenas.arenaAt(this.#table.arena[this.#resolve(handle)]!);
  }

  reclaim(): void {
    this.#streams.reclaim("poll");
  }

  retireStream(streamId: number): void {
    this.#streams.retire(streamId);
  }

  trim(): number {
    this.#streams.freeEmptyRuns();
    this.#streams.reclaim("poll");
    this.#streams.freeEmptyRuns();
    return this.#arenas.trim();
  }

  stats(): SubAllocatorStats {
    // Runs that slabs keep for reuse must not look like fragmentation in an unused pool.
    if (this.#isUnused()) this.#streams.freeEmptyRuns();
    const unit = this.#granularityBytes;
    const { inUse, reserved, peakInUse, liveBlockCount, allocationCount } = this.#counters;
    let largest = 0;
    for (const domain of this.#streams.all) largest = Math.max(largest, domain.bins.largest());
    const arenaBytes = this.#arenas.mappedBytes;
    const freeBytes = arenaBytes - (inUse + reserved) * unit;
    return {
      inUseBytes: inUse * unit,
      arenaBytes,
      reservedBytes: reserved * unit,
      peakInUseBytes: peakInUse * unit,
      limitBytes: this.#options.limitBytes,
      liveBlockCount,
      allocationCount,
      largestFreeBytes: largest * unit,
      fragmentation: freeBytes > 0 ? 1 - (largest * unit) / freeBytes : 0,
    };
  }

  dispose(): void {
    this.#streams.dispose();
    this.#arenas.dispose();
  }

  #granulesOf(sizeBytes: number): number {
    assertInteger("sizeBytes", sizeBytes);
    return Math.ceil(sizeBytes / this.#granularityBytes);
  }

  #alignmentOf(alignmentBytes: number): number {
    assertPowerOfTwo("alignmentBytes", alignmentBytes);
    const { baseAlignmentBytes } = this.#options.source;
    if (alignmentBytes <= baseAlignmentBytes) return Math.max(1, alignmentBytes / this.#granularityBytes);
    throw new MemoryError(
      "INVALID_ARGUMENT",
      `alignmentBytes: expected at most ${baseAlignmentBytes}, the alignment of the arenas, got ${alignmentBytes}`,
    );
  }

  #resolve(handle: RangeHandle): number {
    const id = this.#table.resolve(handle);
    const state = this.#table.state[id]!;
    if (id !== 0 && (state === liveState || state === slotLiveState)) return id;
    throw new MemoryError(
      "DOUBLE_FREE",
      `expected a live range, got handle ${handle}, which is freed or was never allocated`,
    );
  }

  #allocate(size: number, alignment: number, domain: Domain): number {
    if (size <= largestSmall && alignment === 1) {
      const slot = this.#heap.allocateSlot(domain, this.#idle, size);
      if (slot !== 0) return slot;
    }
    return this.#allocateRange(size, alignment, domain);
  }

  #allocateRange(size: number, alignment: number, domain: Domain): number {
    const source =
      domain === this.#idle ? domain : this.#heap.betterFit(domain, this.#idle, { size, alignment });
    return this.#heap.allocate(source, size, alignment);
  }

  /** The slow path: what can free or map memory, cheapest first. */
  #allocateSlow({ size, alignment, domain, isRange }: Miss): number {
    if (size * this.#granularityBytes > this.#options.limitBytes) return 0;
    const streams = this.#streams;
    const arenas = this.#arenas;
    const retry = (): number =>
      isRange ? this.#allocateRange(size, alignment, domain) : this.#allocate(size, alignment, domain);
    let id = streams.reclaim("poll") ? retry() : 0;
    if (id === 0 && streams.freeEmptyRuns()) {
      // A run that a stream's slabs kept belongs to the stream until an event completes.
      streams.reclaim("poll");
      id = retry();
    }
    if (id === 0 && arenas.grow(size, alignment)) id = retry();
    if (id === 0 && arenas.trim() > 0 && arenas.grow(size, alignment)) id = retry();
    if (id !== 0 || !streams.reclaim("wait")) return id;
    streams.freeEmptyRuns();
    id = retry();
    if (id !== 0) return id;
    arenas.trim();
    return arenas.grow(size, alignment) ? retry() : 0;
  }

  #isUnused(): boolean {
    return this.#counters.liveBlockCount === 0 && this.#counters.reserved === 0;
  }

  /** Unmaps empty arenas above `retainBytes`; `freed` is the range that a free created, or 0. */
  #retainArenas(freed: number): void {
    const { retainBytes } = this.#options;
    if (this.#arenas.mappedBytes <= retainBytes) return;
    if (this.#isUnused()) this.#streams.freeEmptyRuns();
    else if (freed === 0 || !this.#arenas.isWhole(freed)) return;
    this.#arenas.retain(retainBytes);
  }
}
