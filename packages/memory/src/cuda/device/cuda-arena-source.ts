import type { ArenaSource, MappedArena } from "../../sub-allocator/ports.ts";
import type { CudaDevice } from "./cuda-device.ts";
import type { CleanupQueue } from "./cleanup-queue.ts";
import { createPlainArenaSource } from "./plain-arena-source.ts";
import { createVirtualArenaSource } from "./virtual-arena-source.ts";

/** An arena in device memory; `base` is its device pointer. */
export interface CudaArena extends MappedArena {
  readonly base: bigint;
  sizeBytes: number;
}

/** Arenas in device memory. Unmapping never throws: a failed cleanup is retried later. */
export interface CudaArenaSource extends ArenaSource<CudaArena> {
  readonly kind: "virtual" | "plain";
  /** The driver's last out-of-memory error. */
  readonly lastOutOfMemory: Error | undefined;
  clearOutOfMemory(): void;
}

export interface CudaArenaSourceOptions {
  /** `auto` is `virtual` where the driver supports virtual memory management. */
  readonly kind: "auto" | "virtual" | "plain";
  /** The step by which arenas grow; a power of two. */
  readonly chunkBytes?: number | undefined;
  /** The most that all arenas may be in total. */
  readonly limitBytes: number;
  readonly cleanups: CleanupQueue;
  /** Called before memory is unmapped; throws when it is still in use. */
  beforeUnmap(): void;
}

/** Creates the source of a device's arenas. */
export function createCudaArenaSource(device: CudaDevice, options: CudaArenaSourceOptions): CudaArenaSource {
  const { kind } = options;
  return kind === "virtual" || (kind === "auto" && device.hasVirtualMemoryManagement)
    ? createVirtualArenaSource(device, options)
    : createPlainArenaSource(device, options);
}
