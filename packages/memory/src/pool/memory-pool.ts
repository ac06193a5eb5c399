import type {
  AllocationRequest,
  AllocationTag,
  GpuAllocator,
  MemoryBlock,
  MemoryReservation,
  PoolStats,
} from "../allocator.ts";
import type { Device } from "../device.ts";
import { MemoryError, type TagUsage, OutOfMemoryError } from "../errors.ts";
import type { MemoryEventSink } from "../events.ts";
import { formatBytes } from "../format-bytes.ts";
import { AllocationTable, type AllocationRecord } from "./allocation-table.ts";
import type { MemoryLedger } from "../ledger/ledger.ts";
import { createPoolReservation } from "./pool-reservation.ts";
import { reportLeaks } from "./report-leaks.ts";
import type { MappedArena } from "../sub-allocator/ports.ts";
import {
  createSubAllocator,
  type RangeHandle,
  type SubAllocator,
  type SubAllocatorOptions,
} from "../sub-allocator/sub-allocator.ts";

/** A pool with what its owner needs beyond `GpuAllocator`. */
export interface MemoryPool<Block extends MemoryBlock = MemoryBlock> extends GpuAllocator<Block> {
  /**
   * Disposes a block of this pool.
   * @throws MemoryError `WRONG_DEVICE`, `FOREIGN_BLOCK`, `DOUBLE_FREE`
   */
  free(block: MemoryBlock): void;
  /** Who holds what, largest first. */
  usageByTag(): readonly TagUsage[];
}

/** What a block sees of its pool. */
export interface BlockOwner<Arena extends MappedArena> {
  readonly device: Device;
  readonly isDisposed: boolean;
  arenaOf(handle: RangeHandle): Arena;
  offsetOf(handle: RangeHandle): number;
  /** Frees the range; does nothing once the pool is gone. */
  release(handle: RangeHandle, holder: AllocationRecord, streamId?: number): void;
}

/** A range that a block is made for. */
export interface BlockRange {
  readonly handle: RangeHandle;
  readonly sizeBytes: number;
  readonly holder: AllocationRecord;
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

/** A class and not a closure for the sake of the hot path; see `RangeAllocator`. */
class ArenaPool<Arena extends MappedArena, Block extends MemoryBlock>
  implements MemoryPool<Block>, BlockOwner<Arena>
{
  readonly device: Device;
  readonly #options: MemoryPoolOptions<Arena, Block>;
  readonly #ranges: SubAllocator<Arena>;
  readonly #allocations: AllocationTable;
  #isDisposed = false;

  constructor(options: MemoryPoolOptions<Arena, Block>, ranges: SubAllocator<Arena>) {
    const { device, ledger } = options;
    this.device = device;
    this.#options = options;
    this.#ranges = ranges;
    this.#allocations = new AllocationTable((tag) => ledger?.account(tag, device.id));
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  allocate(request: AllocationRequest): Block {
    this.#assertAlive();
    const { sizeBytes } = request;
    if (sizeBytes > this.#options.maxBlockBytes) throw this.#blockTooLarge(sizeBytes);
    const handle = this.#ranges.allocate(sizeBytes, request);
    if (handle === undefined) throw this.#outOfMemory(sizeBytes);
    return this.#makeBlock(handle, request);
  }

  free(block: MemoryBlock): void {
    this.#assertAlive();
    const { id } = this.device;
    if (block.deviceId !== id) {
      throw new MemoryError("WRONG_DEVICE", `wanted a block on ${id}, found one on ${block.deviceId}`);
    }
    if (!this.#options.ownsBlock(this, block)) {
      throw new MemoryError("FOREIGN_BLOCK", `wanted a block of this pool on ${id}, found another's`);
    }
    block.dispose();
  }

  reserve(sizeBytes: number, tag: AllocationTag): MemoryReservation<Block> {
    this.#assertAlive();
    return createPoolReservation({
      ranges: this.#ranges,
      sizeBytes,
      tag,
      pieceBytes: Math.min(this.#options.source.maxArenaBytes, this.#options.maxBlockBytes),
      isPoolDisposed: () => this.#isDisposed,
      makeBlock: (handle, request) => this.#makeBlock(handle, request),
      outOfMemory: (requestedBytes) => this.#outOfMemory(requestedBytes),
    });
  }

  stats(): PoolStats {
    return { deviceId: this.device.id, ...this.#ranges.stats() };
  }

  usageByTag(): readonly TagUsage[] {
    return this.#allocations.usageByTag();
  }

  trim(): number {
    this.#assertAlive();
    return this.#ranges.trim();
  }

  arenaOf(handle: RangeHandle): Arena {
    return this.#ranges.arenaOf(handle);
  }

  offsetOf(handle: RangeHandle): number {
    return this.#ranges.offsetOf(handle);
  }

  release(handle: RangeHandle, holder: AllocationRecord, streamId?: number): void {
    if (this.#isDisposed) return;
    const sizeBytes = this.#ranges.sizeOf(handle);
    try {
      this.#ranges.free(handle, streamId);
    } finally {
      holder.give(sizeBytes);
    }
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    const leaks = this.#allocations.usageByTag();
    this.#allocations.close();
    this.#ranges.dispose();
    if (leaks.length > 0) reportLeaks(this.device.id, leaks, this.#options.sink);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #makeBlock(handle: RangeHandle, request: AllocationRequest): Block {
    const holder = this.#allocations.recordOf(request.tag);
    try {
      holder.take(this.#ranges.sizeOf(handle));
      return this.#options.createBlock(this, { handle, sizeBytes: request.sizeBytes, holder });
    } catch (error) {
      // A sink or a ledger that throws does not cost the memory.
      this.release(handle, holder);
      throw error;
    }
  }

  #assertAlive(): void {
    if (this.#isDisposed) {
      throw new MemoryError("POOL_DISPOSED", `the pool on ${this.device.id} was disposed`);
    }
  }

  #blockTooLarge(sizeBytes: number): MemoryError {
    const { maxBlockBytes } = this.#options;
    return new MemoryError(
      "BLOCK_TOO_LARGE",
      `asked for one block of ${formatBytes(sizeBytes)} (${sizeBytes} bytes), found that one block on ` +
        `${this.device.id} holds at most ${formatBytes(maxBlockBytes)} (${maxBlockBytes} bytes)`,
    );
  }

  #outOfMemory(requestedBytes: number): OutOfMemoryError {
    const { inUseBytes, reservedBytes, largestFreeBytes, limitBytes } = this.#ranges.stats();
    return new OutOfMemoryError({
      deviceId: this.device.id,
      requestedBytes,
      freeBytes: limitBytes - inUseBytes - reservedBytes,
      largestFreeBytes,
      inUseBytes,
      reservedBytes,
      limitBytes,
      usageByTag: this.#allocations.usageByTag(),
    });
  }
}

/** Creates a pool over any source of arenas; host and CUDA pools differ in the source and in their blocks. */
export function createMemoryPool<Arena extends MappedArena, Block extends MemoryBlock>(
  options: MemoryPoolOptions<Arena, Block>,
): MemoryPoolParts<Block> {
  const ranges = createSubAllocator(options);
  return {
    pool: new ArenaPool(options, ranges),
    reclaim: () => ranges.reclaim(),
    retireStream: (streamId) => ranges.retireStream(streamId),
  };
}
