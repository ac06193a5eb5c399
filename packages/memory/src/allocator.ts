import type { Device } from "./device.ts";

/** What a block of memory is used for; the ledger adds up by model and purpose. */
export type MemoryPurpose = "weights" | "kv-cache" | "activations" | "workspace" | "answers" | "other";

/** Says who holds a block. Shown in out-of-memory errors, leak reports and the ledger. */
export interface AllocationTag {
  readonly model: string;
  readonly purpose: MemoryPurpose;
  readonly label?: string;
}

export interface AllocationRequest {
  readonly sizeBytes: number;
  readonly tag: AllocationTag;
  /** A power of two; at least the pool's own alignment is used. */
  readonly alignmentBytes?: number;
}

/** One live piece of memory. Disposed once; disposing twice is an error. */
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

/** Bytes set aside before they are used, so that a later allocation cannot fail for lack of room. */
export interface MemoryReservation<Block extends MemoryBlock = MemoryBlock> extends Disposable {
  readonly sizeBytes: number;
  readonly remainingBytes: number;
  allocate(request: AllocationRequest): Block;
  /** Gives back what is not used; blocks already taken stay. */
  dispose(): void;
}

/** Read in constant time. */
export interface PoolStats {
  readonly deviceId: string;
  /** Bytes in live blocks, rounded up to the pool's granularity. */
  readonly inUseBytes: number;
  /** Bytes taken from the device or the system, in use or not. */
  readonly arenaBytes: number;
  /** Bytes promised to reservations and not yet allocated. */
  readonly reservedBytes: number;
  readonly peakInUseBytes: number;
  readonly limitBytes: number;
  readonly liveBlockCount: number;
  readonly allocationCount: number;
  readonly largestFreeBytes: number;
  /** 1 − largest free block ÷ free bytes in arenas, in [0, 1]; 0 when nothing is free. */
  readonly fragmentation: number;
}

/** A memory pool on one device: host memory and CUDA memory stand behind this one interface. */
export interface GpuAllocator<Block extends MemoryBlock = MemoryBlock> extends Disposable {
  readonly device: Device;
  /** @throws MemoryError `OUT_OF_MEMORY` with the numbers, `INVALID_ARGUMENT`, `POOL_DISPOSED` */
  allocate(request: AllocationRequest): Block;
  reserve(sizeBytes: number, tag: AllocationTag): MemoryReservation<Block>;
  stats(): PoolStats;
  /** Returns unused arenas to the device; answers the bytes given back. */
  trim(): number;
  /** Frees everything. Live blocks are reported as leaks by tag. */
  dispose(): void;
}
