import type { ArenaSource, MappedArena } from "../sub-allocator/ports.ts";
import type { CudaDevice } from "./cuda-device.ts";
import type { CleanupQueue } from "./cleanup-queue.ts";
import { createPlainArenaSource } from "./plain-arena-source.ts";
import { createVirtualArenaSource } from "./virtual-arena-source.ts";

/** A stretch of device memory; `base` is its device pointer. */
export interface CudaArena extends MappedArena {
  readonly base: bigint;
  sizeBytes: number;
}

/** Device memory in arenas. Giving back never throws: what failed is owed, and tried again. */
export interface CudaArenaSource extends ArenaSource<CudaArena> {
  readonly kind: "virtual" | "plain";
  /** The driver's last refusal for lack of memory. */
  readonly lastRefusal: Error | undefined;
  forgetRefusal(): void;
}

export interface CudaArenaSourceOptions {
  /** `auto` takes virtual memory management where the driver has it. */
  readonly kind: "auto" | "virtual" | "plain";
  /** What arenas grow by; a power of two. */
  readonly chunkBytes?: number | undefined;
  /** What all arenas together may take. */
  readonly limitBytes: number;
  readonly owed: CleanupQueue;
  /** Called before memory goes back to the device; throws when it cannot go yet. */
  beforeUnmap(): void;
}

/** Creates the source of a device's arenas. */
export function createCudaArenaSource(device: CudaDevice, options: CudaArenaSourceOptions): CudaArenaSource {
  const { kind } = options;
  return kind === "virtual" || (kind === "auto" && device.hasVirtualMemoryManagement)
    ? createVirtualArenaSource(device, options)
    : createPlainArenaSource(device, options);
}
