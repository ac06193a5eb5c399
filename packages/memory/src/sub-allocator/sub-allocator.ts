import type { PoolStats } from "../allocator.ts";
import type { ArenaSource, EventSource, MappedArena } from "./ports.ts";
import { RangeAllocator } from "./range-allocator.ts";

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

/** What a pool tells of itself, but for the device, of which ranges know nothing. */
export type SubAllocatorStats = Omit<PoolStats, "deviceId">;

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
  return new RangeAllocator(options);
}
