import type { PoolStats } from "../allocator.ts";
import type { ArenaSource, EventSource, MappedArena } from "./ports.ts";
import { RangeAllocator } from "./range-allocator.ts";

/** Identifies a live range; stale once freed, and refused then. */
export type RangeHandle = number;

export interface SubAllocatorOptions<Arena extends MappedArena> {
  readonly source: ArenaSource<Arena>;
  /** Sizes are rounded up to this and offsets are multiples of it; a power of two, 256 or more. */
  readonly granularityBytes: number;
  /** The most that the arenas may be in total. */
  readonly limitBytes: number;
  /** The size of a new arena, and the step by which one grows; a larger range gets an arena of its own. */
  readonly arenaBytes: number;
  /** Empty arenas are kept for reuse up to this total; `Infinity` keeps all until `trim`. */
  readonly retainBytes: number;
  /** Required for allocations with a `streamId`. [none] */
  readonly events?: EventSource | undefined;
}

/** Where to put an allocation. */
export interface Placement {
  /** A power of two; at most the source's `baseAlignmentBytes`. */
  readonly alignmentBytes?: number | undefined;
  /** The stream that uses the memory; it reuses at once what it freed itself. */
  readonly streamId?: number | undefined;
}

/** A pool's statistics without the device. */
export type SubAllocatorStats = Omit<PoolStats, "deviceId">;

/** A reserved range. */
export interface SubAllocatorReservation {
  readonly remainingBytes: number;
  /** Allocates a part; returns undefined when the rest is too small. */
  allocate(sizeBytes: number, alignmentBytes?: number): RangeHandle | undefined;
  /** Frees what is left. */
  release(): void;
}

/** Manages address ranges in arenas, which it maps and trims; it never touches the memory. */
export interface SubAllocator<Arena extends MappedArena> {
  /** Returns undefined when out of memory, after reclaiming, growing, trimming and waiting, in this order. */
  allocate(sizeBytes: number, placement?: Placement): RangeHandle | undefined;
  /**
   * Frees a range. With a stream, other streams reuse the memory once an event on that stream is complete.
   * @throws MemoryError `DOUBLE_FREE` for a handle that is stale or was never allocated
   */
  free(handle: RangeHandle, streamId?: number): void;
  /** Reserves a range; it does not count as in use. Returns undefined when out of memory. */
  reserve(sizeBytes: number): SubAllocatorReservation | undefined;
  /** The size of the range; at least what was requested. */
  sizeOf(handle: RangeHandle): number;
  offsetOf(handle: RangeHandle): number;
  arenaOf(handle: RangeHandle): Arena;
  /** Makes memory idle whose events are complete; call it after each step of an engine. */
  reclaim(): void;
  /** Removes a stream that was destroyed after its work was done. */
  retireStream(streamId: number): void;
  /** Unmaps empty arenas; returns their bytes. */
  trim(): number;
  /** Computed in constant time. */
  stats(): SubAllocatorStats;
  /** Unmaps every arena, also those with live ranges. */
  dispose(): void;
}

/**
 * Creates the allocator that all pools share: slabs for small requests, best fit with coalescing for large ones.
 * @throws MemoryError `INVALID_ARGUMENT`
 * @see docs/decisions/0004-pool-allocator.md
 */
export function createSubAllocator<Arena extends MappedArena>(
  options: SubAllocatorOptions<Arena>,
): SubAllocator<Arena> {
  return new RangeAllocator(options);
}
