import type { Device } from "./device.ts";

/** Every purpose, in the order in which plans and ledgers list them. */
export const memoryPurposes = [
  "weights",
  "kv-cache",
  "activations",
  "workspace",
  "answers",
  "other",
] as const;

/** What a block is used for; the ledger groups bytes by model and purpose. */
export type MemoryPurpose = (typeof memoryPurposes)[number];

/** Names the owner of a block. Shown in out-of-memory errors, leak reports and the ledger. */
export interface AllocationTag {
  readonly model: string;
  readonly purpose: MemoryPurpose;
  readonly label?: string;
}

export interface AllocationRequest {
  readonly sizeBytes: number;
  readonly tag: AllocationTag;
  /** A power of two; the pool's own alignment is the minimum. */
  readonly alignmentBytes?: number;
}

/** An allocation. Disposed once; a second dispose throws. */
export interface MemoryBlock extends Disposable {
  readonly sizeBytes: number;
  readonly tag: AllocationTag;
  readonly deviceId: string;
  readonly isDisposed: boolean;
  dispose(): void;
}

/** A block in host memory. `bytes` is a view of exactly `sizeBytes`, unusable after dispose. */
export interface HostMemoryBlock extends MemoryBlock {
  readonly bytes: Uint8Array;
}

/** Memory that is set aside, so that a later allocation does not fail with `OUT_OF_MEMORY`. */
export interface MemoryReservation<Block extends MemoryBlock = MemoryBlock> extends Disposable {
  readonly sizeBytes: number;
  readonly remainingBytes: number;
  allocate(request: AllocationRequest): Block;
  /** Returns what is not allocated to the pool; allocated blocks stay. */
  dispose(): void;
}

/** A pool's statistics, computed in constant time. */
export interface PoolStats {
  readonly deviceId: string;
  /** Bytes in live blocks, rounded up to the pool's granularity. */
  readonly inUseBytes: number;
  /** Bytes mapped from the device or the system, in use or not. */
  readonly arenaBytes: number;
  /** Bytes of reservations that are not allocated yet. */
  readonly reservedBytes: number;
  readonly peakInUseBytes: number;
  readonly limitBytes: number;
  readonly liveBlockCount: number;
  readonly allocationCount: number;
  readonly largestFreeBytes: number;
  /** 1 − largest free block ÷ free bytes in arenas, in [0, 1]; 0 when nothing is free. */
  readonly fragmentation: number;
}

/** A memory pool on one device; the same interface for host memory and CUDA memory. */
export interface GpuAllocator<Block extends MemoryBlock = MemoryBlock> extends Disposable {
  readonly device: Device;
  /** @throws MemoryError `OUT_OF_MEMORY` with the numbers, `INVALID_ARGUMENT`, `POOL_DISPOSED` */
  allocate(request: AllocationRequest): Block;
  reserve(sizeBytes: number, tag: AllocationTag): MemoryReservation<Block>;
  stats(): PoolStats;
  /** Unmaps empty arenas; returns the bytes released. */
  trim(): number;
  /** Frees everything. Live blocks are reported as leaks by tag. */
  dispose(): void;
}
