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
import { type CudaArena, createCudaArenaSource } from "./cuda-arena-source.ts";
import type { CudaDevice } from "./cuda-device.ts";
import { createCudaEventSource } from "./cuda-event-source.ts";
import { CudaBlock, type CudaBlockHooks, type CudaMemoryBlock } from "./cuda-memory-block.ts";
import type { CudaStream } from "./cuda-stream.ts";
import type { Placement } from "../sub-allocator/sub-allocator.ts";
import { createCleanupQueue } from "./cleanup-queue.ts";

const mib = 2 ** 20;

export interface CudaAllocationRequest extends AllocationRequest {
  /** The stream that will use the block. What a stream freed it gets again at once. [the default stream] */
  readonly stream?: CudaStream | undefined;
}

/** A pool of memory on one GPU, with reuse in the order of streams. */
export interface CudaMemoryPool extends MemoryPool<CudaMemoryBlock> {
  readonly device: CudaDevice;
  /** How arenas are made: virtual memory management, or `cuMemAlloc`. */
  readonly arenaKind: "virtual" | "plain";
  /**
   * Allocates for a stream. Memory that another stream freed is given once an event says that it is done;
   * the first use of a second stream waits for the first, once.
   * @throws MemoryError `OUT_OF_MEMORY` after one attempt to trim and to wait, `INVALID_ARGUMENT`,
   * `WRONG_DEVICE`, `POOL_DISPOSED`, `CUDA_HANDLE_DISPOSED` for a stream that ended; CudaError `CUDA_ERROR`
   */
  allocate(request: CudaAllocationRequest): CudaMemoryBlock;
  reserve(sizeBytes: number, tag: AllocationTag): CudaMemoryReservation;
  /**
   * Disposes a block of this pool behind the work that a stream has now; name the last stream that uses it.
   * @throws MemoryError `WRONG_DEVICE`, `FOREIGN_BLOCK`, `DOUBLE_FREE`, `POOL_DISPOSED`
   */
  free(block: MemoryBlock, stream?: CudaStream): void;
  /** Notes which streams are done with what they freed, without waiting; worth a call after a step. */
  reclaim(): void;
  /** Waits for the streams that the pool serves, then gives unused arenas back; answers their bytes. */
  trim(): number;
  /**
   * Waits for the streams that the pool serves, then frees everything; live blocks are reported as leaks.
   * @throws CudaError `CUDA_ERROR` for what could not be freed; disposing again tries that again
   */
  dispose(): void;
}

export interface CudaMemoryReservation extends MemoryReservation<CudaMemoryBlock> {
  allocate(request: CudaAllocationRequest): CudaMemoryBlock;
}

export interface CudaMemoryPoolOptions extends PoolOptions {
  readonly device: CudaDevice;
  /** [auto: virtual memory management where the driver has it] */
  readonly arenaKind?: "auto" | "virtual" | "plain" | undefined;
  /**
   * What arenas are made of and grow by; a power of two. What of the limit is no whole chunk stays unused.
   * [with virtual memory management 2 to 32 MiB, so that they fill the limit; with `cuMemAlloc` 2 MiB]
   */
  readonly chunkBytes?: number | undefined;
}

/**
 * Creates a pool on a GPU. Blocks hold what was in them before, not zeros.
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
  if (device.isDisposed) {
    throw new MemoryError("CUDA_HANDLE_DISPOSED", `the device ${device.id} was disposed`);
  }
  const limitBytes = resolveLimitBytes(options, device);
  const owed = createCleanupQueue();
  const source = createCudaArenaSource(device, {
    kind: options.arenaKind ?? "auto",
    chunkBytes: options.chunkBytes,
    limitBytes,
    owed,
    // Memory of the only stream counts as idle when it is freed; it must be so before it goes.
    beforeUnmap: () => {
      if (!isShared) onlyStream?.synchronizeBlocking();
    },
  });
  const streams = new Map<number, CudaStream>();
  const events = createCudaEventSource(device.context, streams, owed);
  let owner: BlockOwner<CudaArena> | undefined;
  let isDisposed = false;
  // One stream needs no events: its own order is the order of reuse, and all free memory is in one piece.
  let onlyStream: CudaStream | undefined;
  let isShared = false;
  const home: CudaBlockHooks = {
    liveStreamId: (streamId) => (isShared && streams.has(streamId) ? streamId : undefined),
    afterFree: () => owed.settle(),
  };
  const parts = createMemoryPool<CudaArena, CudaMemoryBlock>({
    device,
    source,
    events,
    granularityBytes: 256,
    limitBytes,
    arenaBytes: options.arenaBytes ?? 64 * mib,
    retainBytes: resolveRetainBytes(options.retainBytes, Number.POSITIVE_INFINITY),
    // What is larger than the device is out of memory, with the numbers.
    maxBlockBytes: Number.MAX_SAFE_INTEGER,
    createBlock: (blockOwner, range) => {
      owner = blockOwner;
      return new CudaBlock(blockOwner, range, home);
    },
    ownsBlock: (blockOwner, block) => CudaBlock.isOwnedBy(blockOwner, block),
    sink: options.events,
    ledger: options.ledger,
  });
  const { pool } = parts;
  const stopWatching = device.context.onStreamEnd((streamId) => {
    if (!streams.delete(streamId)) return;
    if (isShared) parts.retireStream(streamId);
    else onlyStream = undefined;
  });
  const letGo = device.context.hold();

  const assertAlive = (): void => {
    if (isDisposed) throw new MemoryError("POOL_DISPOSED", `the pool on ${device.id} was disposed`);
  };
  /** Answers the stream's id once a second stream is served, from when on events order reuse between them. */
  const useStream = (stream: CudaStream): number | undefined => {
    if (!isShared && stream === onlyStream) return undefined;
    const { id } = stream;
    if (isShared && streams.get(id) === stream) return id;
    if (!device.ownsStream(stream)) {
      throw new MemoryError(
        "WRONG_DEVICE",
        `the stream must be of this ${device.id}, found one of ${stream.deviceId}`,
      );
    }
    if (stream.isDisposed) {
      throw new MemoryError("CUDA_HANDLE_DISPOSED", `stream ${id} of ${device.id} was disposed`);
    }
    if (onlyStream === undefined && !isShared) {
      onlyStream = stream;
    } else if (!isShared) {
      onlyStream?.synchronizeBlocking();
      isShared = true;
    }
    streams.set(id, stream);
    return isShared ? id : undefined;
  };
  /** Tells a limit of the pool from a device that has no more to give. */
  const explain = (error: unknown): unknown => {
    const refusal = source.lastRefusal;
    if (!(error instanceof OutOfMemoryError) || refusal === undefined) return error;
    const deviceFreeBytes = device.freeBytes();
    const { arenaBytes, inUseBytes, reservedBytes } = pool.stats();
    const cause = new MemoryError(
      "OUT_OF_MEMORY",
      `${refusal.message}; ${formatBytes(deviceFreeBytes)} of ${formatBytes(device.totalBytes)} free on ${device.id}`,
      { cause: refusal },
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
    source.forgetRefusal();
    try {
      return action();
    } catch (error) {
      throw explain(error);
    }
  };
  const allocateFrom = (
    from: { allocate(request: AllocationRequest): CudaMemoryBlock },
    { sizeBytes, tag, alignmentBytes, stream = device.defaultStream }: CudaAllocationRequest,
  ): CudaMemoryBlock => {
    assertAlive();
    const streamId = useStream(stream);
    // The pool hands its request on as the placement, whose `streamId` it is.
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
      owed.settle();
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
  const awaitStreams = (): void => {
    for (const stream of streams.values()) owed.attempt(() => stream.synchronizeBlocking());
  };
  const dispose = (): void => {
    if (isDisposed) {
      owed.retry();
    } else {
      isDisposed = true;
      stopWatching();
      awaitStreams();
      pool.dispose();
      events.dispose();
    }
    if (owed.isEmpty) letGo();
    owed.settle();
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
      owed.retry();
      // The events of what was freed last are recorded before the wait, and complete after it.
      parts.reclaim();
      awaitStreams();
      const bytes = pool.trim();
      owed.settle();
      return bytes;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
