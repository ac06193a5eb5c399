import type { AllocationRequest, GpuAllocator, MemoryBlock, PoolStats } from "./allocator.ts";
import type { Device } from "./device.ts";
import { MemoryError, type MemoryHolder, OutOfMemoryError } from "./errors.ts";
import type { MemoryEventSink } from "./events.ts";
import { formatBytes } from "./format-bytes.ts";
import { HolderBook, type HolderEntry } from "./holder-book.ts";
import type { MemoryLedger } from "./ledger.ts";
import { createPoolReservation } from "./pool-reservation.ts";
import { reportLeaks } from "./report-leaks.ts";
import type { MappedArena } from "./sub-allocator/ports.ts";
import {
  createSubAllocator,
  type RangeHandle,
  type SubAllocatorOptions,
} from "./sub-allocator/sub-allocator.ts";

/** A pool with what its owner needs beyond `GpuAllocator`. */
export interface MemoryPool<Block extends MemoryBlock = MemoryBlock> extends GpuAllocator<Block> {
  /**
   * Disposes a block of this pool.
   * @throws MemoryError `WRONG_DEVICE`, `FOREIGN_BLOCK`, `DOUBLE_FREE`
   */
  free(block: MemoryBlock): void;
  /** Who holds what, largest first. */
  holders(): readonly MemoryHolder[];
}

/** What a block sees of its pool. */
export interface BlockOwner<Arena extends MappedArena> {
  readonly device: Device;
  readonly isDisposed: boolean;
  arenaOf(handle: RangeHandle): Arena;
  offsetOf(handle: RangeHandle): number;
  /** Frees the range; does nothing once the pool is gone. */
  release(handle: RangeHandle, holder: HolderEntry, streamId?: number): void;
}

/** A range that a block is made for. */
export interface BlockRange {
  readonly handle: RangeHandle;
  readonly sizeBytes: number;
  readonly holder: HolderEntry;
}

export interface MemoryPoolOptions<
  Arena extends MappedArena,
  Block extends MemoryBlock,
> extends SubAllocatorOptions<Arena> {
  readonly device: Device;
  /** The largest block there can be, whatever the limit. */
  readonly maxBlockBytes: number;
  createBlock(owner: BlockOwner<Arena>, range: BlockRange): Block;
  ownsBlock(owner: BlockOwner<Arena>, block: MemoryBlock): boolean;
  readonly sink?: MemoryEventSink | undefined;
  readonly ledger?: MemoryLedger | undefined;
}

/** A pool together with what only its own package may do with it. */
export interface MemoryPoolParts<Block extends MemoryBlock> {
  readonly pool: MemoryPool<Block>;
  /** Makes memory idle that streams are done with. */
  reclaim(): void;
  /** Forgets a stream that has ended and whose work is done. */
  retireStream(streamId: number): void;
}

/** Creates a pool over any source of arenas; host and CUDA pools differ in the source and in their blocks. */
export function createMemoryPool<Arena extends MappedArena, Block extends MemoryBlock>(
  options: MemoryPoolOptions<Arena, Block>,
): MemoryPoolParts<Block> {
  const { device, ledger, limitBytes, maxBlockBytes, source } = options;
  const ranges = createSubAllocator(options);
  const book = new HolderBook((tag) => ledger?.account(tag, device.id));
  let isDisposed = false;

  const assertAlive = (): void => {
    if (isDisposed) throw new MemoryError("POOL_DISPOSED", `the pool on ${device.id} was disposed`);
  };
  const outOfMemory = (askedBytes: number): OutOfMemoryError => {
    const { inUseBytes, reservedBytes, largestFreeBytes } = ranges.stats();
    return new OutOfMemoryError({
      deviceId: device.id,
      askedBytes,
      freeBytes: limitBytes - inUseBytes - reservedBytes,
      largestFreeBytes,
      inUseBytes,
      reservedBytes,
      limitBytes,
      holders: book.holders(),
    });
  };
  const owner: BlockOwner<Arena> = {
    device,
    get isDisposed() {
      return isDisposed;
    },
    arenaOf: (handle) => ranges.arenaOf(handle),
    offsetOf: (handle) => ranges.offsetOf(handle),
    release(handle, holder, streamId) {
      if (isDisposed) return;
      const sizeBytes = ranges.sizeOf(handle);
      ranges.free(handle, streamId);
      holder.give(sizeBytes);
    },
  };
  const assertFitsBlock = (sizeBytes: number): void => {
    if (!(sizeBytes > maxBlockBytes)) return;
    throw new MemoryError(
      "BLOCK_TOO_LARGE",
      `asked for one block of ${formatBytes(sizeBytes)} (${sizeBytes} bytes), found that one block on ` +
        `${device.id} holds at most ${formatBytes(maxBlockBytes)} (${maxBlockBytes} bytes)`,
    );
  };
  const makeBlock = (handle: RangeHandle, request: AllocationRequest): Block => {
    const holder = book.entryOf(request.tag);
    holder.take(ranges.sizeOf(handle));
    return options.createBlock(owner, { handle, sizeBytes: request.sizeBytes, holder });
  };
  const dispose = (): void => {
    if (isDisposed) return;
    isDisposed = true;
    const leaks = book.holders();
    book.close();
    ranges.dispose();
    if (leaks.length > 0) reportLeaks(device.id, leaks, options.sink);
  };

  const pool: MemoryPool<Block> = {
    device,
    allocate(request) {
      assertAlive();
      assertFitsBlock(request.sizeBytes);
      const handle = ranges.allocate(request.sizeBytes, request);
      if (handle === undefined) throw outOfMemory(request.sizeBytes);
      return makeBlock(handle, request);
    },
    free(block) {
      assertAlive();
      if (block.deviceId !== device.id) {
        throw new MemoryError(
          "WRONG_DEVICE",
          `wanted a block on ${device.id}, found one on ${block.deviceId}`,
        );
      }
      if (!options.ownsBlock(owner, block)) {
        throw new MemoryError(
          "FOREIGN_BLOCK",
          `wanted a block of this pool on ${device.id}, found another's`,
        );
      }
      block.dispose();
    },
    reserve(sizeBytes, tag) {
      assertAlive();
      return createPoolReservation({
        ranges,
        sizeBytes,
        tag,
        pieceBytes: Math.min(source.maxArenaBytes, maxBlockBytes),
        isPoolDisposed: () => isDisposed,
        makeBlock,
        outOfMemory,
      });
    },
    stats: (): PoolStats => ({ deviceId: device.id, ...ranges.stats() }),
    holders: () => book.holders(),
    trim() {
      assertAlive();
      return ranges.trim();
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
  return {
    pool,
    reclaim: () => ranges.reclaim(),
    retireStream: (streamId) => ranges.retireStream(streamId),
  };
}
