import type { AllocationRequest, AllocationTag, MemoryBlock, MemoryReservation } from "../allocator.ts";
import { MemoryError, OutOfMemoryError } from "../errors.ts";
import { formatBytes } from "../format-bytes.ts";
import { createMemoryPool, type BlockOwner, type MemoryPool } from "../pool/memory-pool.ts";
import { assertKnownOptions } from "../assert-argument.ts";
import {
  poolOptionNames,
  type PoolOptions,
  resolveLimitBytes,
  resolveRetainBytes,
} from "../pool/pool-options.ts";
import { handleDisposed } from "./device/cuda-context.ts";
import { type CudaArena, createCudaArenaSource } from "./device/cuda-arena-source.ts";
import type { CudaDevice } from "./device/cuda-device.ts";
import { createCudaEventSource } from "./cuda-event-source.ts";
import { CudaBlock, type CudaBlockHooks, type CudaMemoryBlock } from "./device/cuda-memory-block.ts";
import type { CudaStream } from "./device/cuda-stream.ts";
import type { Placement } from "../sub-allocator/sub-allocator.ts";
import { createCleanupQueue } from "./device/cleanup-queue.ts";

const mib = 2 ** 20;

export interface CudaAllocationRequest extends AllocationRequest {
  /** The stream that uses the block. A stream reuses at once what it freed. [the default stream] */
  readonly stream?: CudaStream | undefined;
}

/** A pool of memory on one GPU, with stream-ordered reuse. */
export interface CudaMemoryPool extends MemoryPool<CudaMemoryBlock> {
  readonly device: CudaDevice;
  /** How arenas are mapped: `virtual` memory management, or `plain` `cuMemAlloc`. */
  readonly arenaKind: "virtual" | "plain";
  /**
   * Allocates for a stream. Memory that another stream freed is reused once an event is complete; the first
   * use of a second stream synchronizes the first one.
   * @throws MemoryError `OUT_OF_MEMORY` after one attempt to trim and to wait, `INVALID_ARGUMENT`,
   * `WRONG_DEVICE`, `POOL_DISPOSED`, `CUDA_HANDLE_DISPOSED` for a disposed stream; CudaError `CUDA_ERROR`
   */
  allocate(request: CudaAllocationRequest): CudaMemoryBlock;
  reserve(sizeBytes: number, tag: AllocationTag): CudaMemoryReservation;
  /**
   * Disposes a block of this pool behind the work that is now on a stream: the last stream that uses it.
   * @throws MemoryError `WRONG_DEVICE`, `FOREIGN_BLOCK`, `DOUBLE_FREE`, `POOL_DISPOSED`
   */
  free(block: MemoryBlock, stream?: CudaStream): void;
  /** Makes memory idle whose events are complete, without waiting; call it after a step. */
  reclaim(): void;
  /** Synchronizes the pool's streams, then unmaps empty arenas; returns the bytes released. */
  trim(): number;
  /**
   * Synchronizes the pool's streams, then frees everything; live blocks are reported as leaks.
   * @throws CudaError `CUDA_ERROR` for what could not be freed; call again to retry
   */
  dispose(): void;
}

export interface CudaMemoryReservation extends MemoryReservation<CudaMemoryBlock> {
  allocate(request: CudaAllocationRequest): CudaMemoryBlock;
}

export interface CudaMemoryPoolOptions extends PoolOptions {
  readonly device: CudaDevice;
  /** [auto: virtual memory management where the driver supports it] */
  readonly arenaKind?: "auto" | "virtual" | "plain" | undefined;
  /**
   * The step by which arenas grow; a power of two. The rest of the limit below a whole chunk stays unused.
   * [with virtual memory management 2 to 32 MiB, so that chunks fill the limit; with `cuMemAlloc` 2 MiB]
   */
  readonly chunkBytes?: number | undefined;
}

/**
 * Creates a pool on a GPU. Blocks are not zeroed.
 * `arenaBytes` defaults to 64 MiB, `retainBytes` to everything until `trim`, the limit to the device's total.
 * @throws MemoryError `INVALID_ARGUMENT`, `CUDA_HANDLE_DISPOSED`; CudaError `CUDA_ERROR`
 */
export function createCudaMemoryPool(options: CudaMemoryPoolOptions): CudaMemoryPool {
  assertKnownOptions("createCudaMemoryPool", options, [
    ...poolOptionNames,
    "device",
    "arenaKind",
    "chunkBytes",
  ]);
  const { device } = options;
  if (device.isDisposed) throw handleDisposed(`device ${device.id}`);
  const limitBytes = resolveLimitBytes(options, device);
  const cleanups = createCleanupQueue();
  const source = createCudaArenaSource(device, {
    kind: options.arenaKind ?? "auto",
    chunkBytes: options.chunkBytes,
    limitBytes,
    cleanups,
    // Memory of the only stream counts as idle when it is freed; before unmapping it really must be.
    beforeUnmap: () => {
      if (!isShared) onlyStream?.synchronizeBlocking();
    },
  });
  const streams = new Map<number, CudaStream>();
  const events = createCudaEventSource(device.context, streams, cleanups);
  let owner: BlockOwner<CudaArena> | undefined;
  let isDisposed = false;
  // One stream needs no events: its own order is the order of reuse, and free memory coalesces.
  let onlyStream: CudaStream | undefined;
  let isShared = false;
  const hooks: CudaBlockHooks = {
    liveStreamId: (streamId) => (isShared && streams.has(streamId) ? streamId : undefined),
    afterFree: () => cleanups.throwFailure(),
  };
  const parts = createMemoryPool<CudaArena, CudaMemoryBlock>({
    device,
    source,
    events,
    granularityBytes: 256,
    limitBytes,
    arenaBytes: options.arenaBytes ?? 64 * mib,
    retainBytes: resolveRetainBytes(options.retainBytes, Number.POSITIVE_INFINITY),
    // A block larger than the device is OUT_OF_MEMORY, with the numbers.
    maxBlockBytes: Number.MAX_SAFE_INTEGER,
    createBlock: (blockOwner, range) => {
      owner = blockOwner;
      return new CudaBlock(blockOwner, range, hooks);
    },
    ownsBlock: (blockOwner, block) => CudaBlock.isOwnedBy(blockOwner, block),
    sink: options.events,
    ledger: options.ledger,
  });
  const { pool } = parts;
  const unsubscribe = device.context.onStreamDestroyed((streamId) => {
    if (!streams.delete(streamId)) return;
    if (isShared) parts.retireStream(streamId);
    else onlyStream = undefined;
  });
  const releaseContext = device.context.retain();

  const assertAlive = (): void => {
    if (isDisposed) {
      throw new MemoryError("POOL_DISPOSED", `expected a live pool on ${device.id}, got a disposed one`);
    }
  };
  /** Returns undefined for the only stream; from the second stream on, the id, as events then order reuse. */
  const useStream = (stream: CudaStream): number | undefined => {
    if (!isShared && stream === onlyStream) return undefined;
    const { id } = stream;
    if (isShared && streams.get(id) === stream) return id;
    if (!device.ownsStream(stream)) {
      throw new MemoryError(
        "WRONG_DEVICE",
        `expected a stream of this ${device.id}, got one of ${stream.deviceId}`,
      );
    }
    if (stream.isDisposed) throw handleDisposed(`stream ${id} on ${device.id}`);
    if (onlyStream === undefined && !isShared) {
      onlyStream = stream;
    } else if (!isShared) {
      onlyStream?.synchronizeBlocking();
      isShared = true;
    }
    streams.set(id, stream);
    return isShared ? id : undefined;
  };
  /** Adds the driver's error as `cause` where the device, not the limit, is out of memory. */
  const addDeviceCause = (error: unknown): unknown => {
    const deviceError = source.lastOutOfMemory;
    if (!(error instanceof OutOfMemoryError) || deviceError === undefined) return error;
    const deviceFreeBytes = device.freeBytes();
    const { arenaBytes, inUseBytes, reservedBytes } = pool.stats();
    const cause = new MemoryError(
      "OUT_OF_MEMORY",
      `${deviceError.message}; ${formatBytes(deviceFreeBytes)} of ${formatBytes(device.totalBytes)} free on ${device.id}`,
      { cause: deviceError },
    );
    const { deviceId, requestedBytes, largestFreeBytes, usageByTag } = error;
    const freeBytes = Math.min(error.freeBytes, arenaBytes - inUseBytes - reservedBytes + deviceFreeBytes);
    return new OutOfMemoryError(
      {
        deviceId,
        requestedBytes,
        freeBytes,
        largestFreeBytes,
        inUseBytes,
        reservedBytes,
        limitBytes,
        usageByTag,
      },
      { cause },
    );
  };
  const attempt = <Result>(action: () => Result): Result => {
    source.clearOutOfMemory();
    try {
      return action();
    } catch (error) {
      throw addDeviceCause(error);
    }
  };
  const allocateFrom = (
    from: { allocate(request: AllocationRequest): CudaMemoryBlock },
    { sizeBytes, tag, alignmentBytes, stream = device.defaultStream }: CudaAllocationRequest,
  ): CudaMemoryBlock => {
    assertAlive();
    const streamId = useStream(stream);
    // The pool passes its request on as the placement, which has the `streamId`.
    const request: AllocationRequest & Placement =
      alignmentBytes === undefined
        ? { sizeBytes, tag, streamId }
        : { sizeBytes, tag, alignmentBytes, streamId };
    const block = attempt(() => from.allocate(request));
    CudaBlock.assign(block, stream.id);
    return block;
  };
  const reserve = (sizeBytes: number, tag: AllocationTag): CudaMemoryReservation => {
    assertAlive();
    const reservation = attempt(() => pool.reserve(sizeBytes, tag));
    const release = (): void => {
      reservation.dispose();
      cleanups.throwFailure();
    };
    return {
      sizeBytes: reservation.sizeBytes,
      get remainingBytes() {
        return reservation.remainingBytes;
      },
      allocate: (request) => allocateFrom(reservation, request),
      dispose: release,
      [Symbol.dispose]: release,
    };
  };
  const synchronizeStreams = (): void => {
    for (const stream of streams.values()) cleanups.attempt(() => stream.synchronizeBlocking());
  };
  const dispose = (): void => {
    if (isDisposed) {
      cleanups.retry();
    } else {
      isDisposed = true;
      unsubscribe();
      synchronizeStreams();
      pool.dispose();
      events.dispose();
    }
    if (cleanups.isEmpty) releaseContext();
    cleanups.throwFailure();
  };

  return {
    device,
    arenaKind: source.kind,
    allocate: (request) => allocateFrom(pool, request),
    reserve,
    free(block, stream) {
      if (stream !== undefined && owner !== undefined && CudaBlock.isOwnedBy(owner, block)) {
        assertAlive();
        useStream(stream);
        block.disposeOn(stream.id);
      } else {
        pool.free(block);
      }
    },
    usageByTag: () => pool.usageByTag(),
    stats: () => pool.stats(),
    reclaim() {
      assertAlive();
      parts.reclaim();
    },
    trim() {
      assertAlive();
      cleanups.retry();
      // Events for the last frees are recorded before the streams are synchronized, and complete after it.
      parts.reclaim();
      synchronizeStreams();
      const bytes = pool.trim();
      cleanups.throwFailure();
      return bytes;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
