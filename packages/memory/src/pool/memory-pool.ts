import type {
  AllocationRequest,
  AllocationTag,
  GpuAllocator,
  MemoryBlock,
  MemoryReservation,
  PoolStats,
} from "../allocator.ts";
import { assertDevice } from "../assert-argument.ts";
import type { Device } from "../device.ts";
import { formatTag, formatUsage, MemoryError, OutOfMemoryError, type TagUsage } from "../errors.ts";
import type { MemoryEventSink } from "../events.ts";
import { formatBytes } from "../format-bytes.ts";
import { AllocationTable, type AllocationRecord } from "./allocation-table.ts";
import type { MemoryLedger } from "../ledger/memory-tracker.ts";
import { createPoolReservation } from "./pool-reservation.ts";
import type { MappedArena } from "../sub-allocator/ports.ts";
import {
  createSubAllocator,
  type RangeHandle,
  type SubAllocator,
  type SubAllocatorOptions,
} from "../sub-allocator/sub-allocator.ts";

/** A pool as its owner sees it: `GpuAllocator` and more. */
export interface MemoryPool<Block extends MemoryBlock = MemoryBlock> extends GpuAllocator<Block> {
  /**
   * Disposes a block of this pool.
   * @throws MemoryError `WRONG_DEVICE`, `FOREIGN_BLOCK`, `DOUBLE_FREE`
   */
  free(block: MemoryBlock): void;
  /** The tags with live blocks, largest first. */
  usageByTag(): readonly TagUsage[];
}

/** The part of a pool that its blocks use. */
export interface BlockOwner<Arena extends MappedArena> {
  readonly device: Device;
  readonly isDisposed: boolean;
  arenaOf(handle: RangeHandle): Arena;
  offsetOf(handle: RangeHandle): number;
  /** Frees the range; does nothing once the pool is disposed. */
  release(handle: RangeHandle, record: AllocationRecord, streamId?: number): void;
}

/** The range of a block. */
export interface BlockRange {
  readonly handle: RangeHandle;
  readonly sizeBytes: number;
  readonly record: AllocationRecord;
}

export interface MemoryPoolOptions<
  Arena extends MappedArena,
  Block extends MemoryBlock,
> extends SubAllocatorOptions<Arena> {
  readonly device: Device;
  /** The largest block, independent of the limit. */
  readonly maxBlockBytes: number;
  createBlock(owner: BlockOwner<Arena>, range: BlockRange): Block;
  ownsBlock(owner: BlockOwner<Arena>, block: MemoryBlock): boolean;
  readonly sink?: MemoryEventSink | undefined;
  readonly ledger?: MemoryLedger | undefined;
}

/** A pool, and the operations that only this package uses. */
export interface MemoryPoolParts<Block extends MemoryBlock> {
  readonly pool: MemoryPool<Block>;
  /** Makes memory available to all streams whose work is done. */
  reclaim(): void;
  /** Removes a stream that was destroyed after its work was done. */
  retireStream(streamId: number): void;
}

/** A class, because closures are slower on the hot path; see `RangeAllocator`. */
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
    assertDevice("a block", block, id);
    if (!this.#options.ownsBlock(this, block)) {
      throw new MemoryError(
        "FOREIGN_BLOCK",
        `expected a block of this pool on ${id}, got one of another pool`,
      );
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

  release(handle: RangeHandle, record: AllocationRecord, streamId?: number): void {
    if (this.#isDisposed) return;
    const sizeBytes = this.#ranges.sizeOf(handle);
    try {
      this.#ranges.free(handle, streamId);
    } finally {
      record.remove(sizeBytes);
    }
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    const leaks = this.#allocations.usageByTag();
    this.#allocations.clear();
    this.#ranges.dispose();
    if (leaks.length > 0) reportLeaks(this.device.id, leaks, this.#options.sink);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #makeBlock(handle: RangeHandle, request: AllocationRequest): Block {
    const record = this.#allocations.recordOf(request.tag);
    try {
      record.add(this.#ranges.sizeOf(handle));
      return this.#options.createBlock(this, { handle, sizeBytes: request.sizeBytes, record });
    } catch (error) {
      // A sink or a ledger that throws must not leak the memory.
      this.release(handle, record);
      throw error;
    }
  }

  #assertAlive(): void {
    if (this.#isDisposed) {
      throw new MemoryError("POOL_DISPOSED", `expected a live pool on ${this.device.id}, got a disposed one`);
    }
  }

  #blockTooLarge(sizeBytes: number): MemoryError {
    const { maxBlockBytes } = this.#options;
    return new MemoryError(
      "BLOCK_TOO_LARGE",
      `sizeBytes: expected at most ${maxBlockBytes} (${formatBytes(maxBlockBytes)}) for one block on ` +
        `${this.device.id}, got ${sizeBytes} (${formatBytes(sizeBytes)})`,
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

/** @throws MemoryError `BLOCK_DISPOSED` */
export function refuseDisposed({ tag }: MemoryBlock): never {
  throw new MemoryError("BLOCK_DISPOSED", `expected a live block of ${formatTag(tag)}, got a disposed one`);
}

/** @throws MemoryError `DOUBLE_FREE` */
export function refuseDoubleFree({ tag }: MemoryBlock): never {
  throw new MemoryError(
    "DOUBLE_FREE",
    `expected a live block of ${formatTag(tag)}, got one that is freed already`,
  );
}

/** Reports the live blocks of a pool that was disposed: to the sink, or else as a process warning. */
function reportLeaks(deviceId: string, usageByTag: readonly TagUsage[], sink?: MemoryEventSink): void {
  const totalBytes = usageByTag.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  const blockCount = usageByTag.reduce((total, usage) => total + usage.blockCount, 0);
  if (sink !== undefined) {
    sink.emit("memory:leaks-found", { deviceId, totalBytes, blockCount, usageByTag });
    return;
  }
  process.emitWarning(`the pool on ${deviceId} was disposed with live blocks: ${formatUsage(usageByTag)}`, {
    type: "MemoryLeakWarning",
    code: "INFERNODE_MEMORY_LEAK",
  });
}

/** Creates a pool over a source of arenas; host and CUDA pools differ in their sources and blocks. */
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
