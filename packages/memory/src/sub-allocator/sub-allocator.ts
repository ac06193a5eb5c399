import { MemoryError } from "../errors.ts";
import { Arenas } from "./arenas.ts";
import { assertPowerOfTwo, assertSizeBytes } from "./assert-argument.ts";
import { BlockTable, LIVE, SLOT_LIVE } from "./block-table.ts";
import { Counters } from "./counters.ts";
import type { Domain } from "./domain.ts";
import type { ArenaSource, EventSource, MappedArena } from "./ports.ts";
import { RangeHeap } from "./range-heap.ts";
import { RangeReservation } from "./range-reservation.ts";
import { LARGEST_SMALL } from "./size-classes.ts";
import { StreamDomains } from "./stream-domains.ts";

/** Ranges count granules in 32-bit integers. */
const MAX_GRANULES = 2 ** 31 - 1;

/** A live range. Stale once freed; a stale handle is recognised. */
export type RangeHandle = number;

export interface SubAllocatorOptions<Arena extends MappedArena> {
  readonly source: ArenaSource<Arena>;
  /** Sizes are rounded up to this and offsets are multiples of it; a power of two, 256 or more. */
  readonly granularityBytes: number;
  /** What the arenas may be in total. */
  readonly limitBytes: number;
  /** The usual arena, and the usual step of one that grows; what is larger gets an arena of its own. */
  readonly arenaBytes: number;
  /** Empty arenas are kept up to this total; `Infinity` keeps all until `trim`. */
  readonly retainBytes: number;
  /** Needed when streams are named. */
  readonly events?: EventSource | undefined;
}

/** Where to put an allocation. */
export interface Placement {
  /** A power of two; at most the source's `baseAlignmentBytes`. */
  readonly alignmentBytes?: number | undefined;
  /** The stream that will use the memory; what it freed itself it may have again at once. */
  readonly streamId?: number | undefined;
}

export interface SubAllocatorStats {
  readonly inUseBytes: number;
  readonly arenaBytes: number;
  readonly reservedBytes: number;
  readonly peakInUseBytes: number;
  readonly limitBytes: number;
  readonly liveBlockCount: number;
  readonly allocationCount: number;
  /** Including what a stream is not done with. */
  readonly largestFreeBytes: number;
  readonly fragmentation: number;
}

/** A range that was set aside in one piece. */
export interface SubAllocatorReservation {
  readonly remainingBytes: number;
  /** Takes a part; answers undefined when what is left does not hold it. */
  allocate(sizeBytes: number, alignmentBytes?: number): RangeHandle | undefined;
  /** Gives back what is left. */
  release(): void;
}

/** Bookkeeping of address ranges in arenas that it grows and trims; it never touches the memory. */
export interface SubAllocator<Arena extends MappedArena> {
  /** Answers undefined when there is no room, after reclaiming, growing, trimming and waiting, in this order. */
  allocate(sizeBytes: number, placement?: Placement): RangeHandle | undefined;
  /**
   * Frees a range. With a stream, other streams get the memory once an event says that the stream is done.
   * @throws MemoryError `DOUBLE_FREE` for a handle that is stale or was never given
   */
  free(handle: RangeHandle, streamId?: number): void;
  /** Sets a range aside; it is not in use yet. Answers undefined when there is no room. */
  reserve(sizeBytes: number): SubAllocatorReservation | undefined;
  /** Bytes from the handle's offset on that are its own; at least what was asked for. */
  sizeOf(handle: RangeHandle): number;
  offsetOf(handle: RangeHandle): number;
  arenaOf(handle: RangeHandle): Arena;
  /** Makes memory idle that streams are done with; worth a call after each step of an engine. */
  reclaim(): void;
  /** Forgets a stream that has ended and whose work is done. */
  retireStream(streamId: number): void;
  /** Gives empty arenas back; answers their bytes. */
  trim(): number;
  /** Read in constant time. */
  stats(): SubAllocatorStats;
  /** Unmaps every arena, whatever is live. */
  dispose(): void;
}

/**
 * Creates the allocator that all pools share: slabs for the small, best fit with coalescing for the large.
 * @throws MemoryError `INVALID_ARGUMENT`
 * @see docs/decisions/0004-pool-allocator.md
 */
export function createSubAllocator<Arena extends MappedArena>(
  options: SubAllocatorOptions<Arena>,
): SubAllocator<Arena> {
  const { source, granularityBytes, limitBytes, retainBytes } = options;
  assertPowerOfTwo("granularityBytes", granularityBytes);
  assertPowerOfTwo("source.granularityBytes", source.granularityBytes);
  assertPowerOfTwo("source.baseAlignmentBytes", source.baseAlignmentBytes);
  assertSizeBytes("limitBytes", limitBytes);
  assertSizeBytes("arenaBytes", options.arenaBytes);
  const table = new BlockTable();
  const heap = new RangeHeap(table);
  const counters = new Counters();
  const streams = new StreamDomains(table, heap, options.events);
  const { idle } = streams;
  const arenas = new Arenas({ table, heap, idle }, options);

  const alignmentOf = (alignmentBytes: number | undefined): number => {
    if (alignmentBytes === undefined) return 1;
    assertPowerOfTwo("alignmentBytes", alignmentBytes);
    if (alignmentBytes > source.baseAlignmentBytes) {
      throw new MemoryError(
        "INVALID_ARGUMENT",
        `asked for an alignment of ${alignmentBytes} bytes, found arenas aligned to ${source.baseAlignmentBytes}`,
      );
    }
    return Math.max(1, alignmentBytes / granularityBytes);
  };
  const granulesOf = (sizeBytes: number): number => {
    assertSizeBytes("sizeBytes", sizeBytes);
    return Math.ceil(sizeBytes / granularityBytes);
  };
  const takeRange = (size: number, alignment: number, domain: Domain): number =>
    (domain === idle ? 0 : heap.take(domain, size, alignment)) || heap.take(idle, size, alignment);
  const take = (size: number, alignment: number, domain: Domain): number => {
    if (size <= LARGEST_SMALL && alignment === 1) {
      const slot = heap.takeSmall(domain, domain, size);
      if (slot !== 0) return slot;
      const idleSlot = domain === idle ? 0 : heap.takeSmall(domain, idle, size);
      if (idleSlot !== 0) return idleSlot;
    }
    return takeRange(size, alignment, domain);
  };
  /** What a miss tries, in the order of what it costs. */
  const takeSlowly = (size: number, alignment: number, retry: () => number): number => {
    if (size * granularityBytes > limitBytes) return 0;
    let id = streams.reclaim("poll") ? retry() : 0;
    if (id === 0 && streams.dropEmptyRuns()) id = retry();
    if (id === 0 && arenas.grow(size, alignment)) id = retry();
    if (id === 0 && arenas.trim() > 0 && arenas.grow(size, alignment)) id = retry();
    if (id !== 0 || !streams.reclaim("wait")) return id;
    streams.dropEmptyRuns();
    id = retry();
    if (id !== 0) return id;
    arenas.trim();
    return arenas.grow(size, alignment) ? retry() : 0;
  };
  const resolveLive = (handle: RangeHandle): number => {
    const id = table.resolve(handle);
    const state = table.state[id]!;
    if (id !== 0 && (state === LIVE || state === SLOT_LIVE)) return id;
    throw new MemoryError(
      "DOUBLE_FREE",
      `wanted a live range, found handle ${handle} freed before or never given`,
    );
  };
  /** Keeps no more empty arenas than asked; `freed` is the range that a release made, or 0. */
  const settle = (freed: number): void => {
    const isIdle = counters.liveBlockCount === 0 && counters.reserved === 0;
    if (isIdle) streams.dropEmptyRuns();
    if (retainBytes === Number.POSITIVE_INFINITY) return;
    if (isIdle || (freed !== 0 && arenas.isWhole(freed))) arenas.retain(retainBytes);
  };

  return {
    allocate(sizeBytes, placement) {
      const size = granulesOf(sizeBytes);
      const alignment = alignmentOf(placement?.alignmentBytes);
      const domain = streams.of(placement?.streamId);
      if (size > MAX_GRANULES) return undefined;
      const id =
        take(size, alignment, domain) || takeSlowly(size, alignment, () => take(size, alignment, domain));
      if (id === 0) return undefined;
      counters.take(table.size[id]!);
      return table.handleOf(id);
    },
    free(handle, streamId) {
      const id = resolveLive(handle);
      const domain = streams.of(streamId);
      table.retire(id);
      counters.give(table.size[id]!);
      settle(table.state[id] === LIVE ? streams.releaseRange(id, domain) : streams.releaseSlot(id, domain));
    },
    reserve(sizeBytes) {
      const size = granulesOf(sizeBytes);
      if (size > MAX_GRANULES) return undefined;
      const id = takeRange(size, 1, idle) || takeSlowly(size, 1, () => takeRange(size, 1, idle));
      if (id === 0) return undefined;
      const reservation = new RangeReservation({ table, heap, idle, counters }, id);
      return {
        get remainingBytes() {
          return reservation.size * granularityBytes;
        },
        allocate(partBytes, alignmentBytes) {
          const part = reservation.take(granulesOf(partBytes), alignmentOf(alignmentBytes));
          return part === 0 ? undefined : table.handleOf(part);
        },
        release: () => settle(reservation.release()),
      };
    },
    sizeOf: (handle) => table.size[resolveLive(handle)]! * granularityBytes,
    offsetOf: (handle) => table.start[resolveLive(handle)]! * granularityBytes,
    arenaOf: (handle) => arenas.arenaAt(table.arena[resolveLive(handle)]!),
    reclaim() {
      streams.reclaim("poll");
    },
    retireStream: (streamId) => streams.retire(streamId),
    trim() {
      streams.reclaim("poll");
      streams.dropEmptyRuns();
      return arenas.trim();
    },
    stats() {
      let largest = 0;
      for (const domain of streams.all) largest = Math.max(largest, domain.bins.largest());
      const largestFreeBytes = largest * granularityBytes;
      const freeBytes = arenas.mappedBytes - (counters.inUse + counters.reserved) * granularityBytes;
      return {
        inUseBytes: counters.inUse * granularityBytes,
        arenaBytes: arenas.mappedBytes,
        reservedBytes: counters.reserved * granularityBytes,
        peakInUseBytes: counters.peakInUse * granularityBytes,
        limitBytes,
        liveBlockCount: counters.liveBlockCount,
        allocationCount: counters.allocationCount,
        largestFreeBytes,
        fragmentation: freeBytes > 0 ? 1 - largestFreeBytes / freeBytes : 0,
      };
    },
    dispose() {
      streams.dispose();
      arenas.dispose();
    },
  };
}
