import { MemoryError } from "../../errors.ts";
import type { CudaArena, CudaArenaSource, CudaArenaSourceOptions } from "./cuda-arena-source.ts";
import type { CudaDevice } from "./cuda-device.ts";
import type { CudaDriver, CudaOptionalFunctions } from "../driver/cuda-driver.ts";
import { cuMemAllocGranularityMinimum, cudaErrorOutOfMemory } from "../driver/cuda-functions.ts";
import { encodeAccess, encodeProperties } from "./encode-allocation.ts";
import { releaseAfter } from "./release-after.ts";

const largestChunkBytes = 32 * 2 ** 20;
const manyChunks = 1024;

/** The physical memory of an arena. All chunks have one size. */
interface Backing {
  /** Handles of the mapped chunks in order of address; may extend beyond the arena's end. */
  readonly chunks: bigint[];
  /** How far from the base the device may read and write. */
  accessibleBytes: number;
}

const virtualFunctionNames = [
  "cuMemGetAllocationGranularity",
  "cuMemAddressReserve",
  "cuMemAddressFree",
  "cuMemCreate",
  "cuMemRelease",
  "cuMemMap",
  "cuMemUnmap",
  "cuMemSetAccess",
] as const;

type VirtualFunctions = Required<Pick<CudaOptionalFunctions, (typeof virtualFunctionNames)[number]>>;

function requireFunctions({ optional, cudaVersion }: CudaDriver, deviceId: string): VirtualFunctions {
  if (virtualFunctionNames.every((name) => optional[name] !== undefined)) return optional as VirtualFunctions;
  throw new MemoryError(
    "CUDA_UNAVAILABLE",
    `expected virtual memory management on ${deviceId}, got a driver for CUDA ${cudaVersion} without it`,
  );
}

/** Large, for few driver calls, but so that whole chunks fill the limit up to less than a thousandth. */
function chooseChunkBytes(limitBytes: number, pageBytes: number): number {
  const usableBytes = Math.max(1, Math.floor(limitBytes / pageBytes)) * pageBytes;
  let chunkBytes = pageBytes;
  while (
    chunkBytes < largestChunkBytes &&
    (usableBytes % (2 * chunkBytes) === 0 || usableBytes / chunkBytes > manyChunks)
  ) {
    chunkBytes *= 2;
  }
  return chunkBytes;
}

/**
 * Arenas by virtual memory management: each reserves addresses for the whole device and maps physical
 * memory at its end in chunks, so that growing moves nothing.
 * @throws MemoryError `CUDA_UNAVAILABLE` where the driver does not support it
 * @see https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__VA.html
 */
export function createVirtualArenaSource(
  device: CudaDevice,
  options: Omit<CudaArenaSourceOptions, "kind">,
): CudaArenaSource {
  const { driver, context } = device;
  const { cleanups } = options;
  const calls = requireFunctions(driver, device.id);
  const properties = encodeProperties(device.ordinal);
  const access = encodeAccess(device.ordinal);
  context.makeCurrent();
  const pageBytes = Number(
    driver.readUint64(
      (out) => calls.cuMemGetAllocationGranularity(out, properties, cuMemAllocGranularityMinimum),
      "cuMemGetAllocationGranularity",
    ),
  );
  const chunkBytes = Math.max(
    options.chunkBytes ?? chooseChunkBytes(options.limitBytes, pageBytes),
    pageBytes,
  );
  const reservedBytes = Math.ceil(device.totalBytes / chunkBytes) * chunkBytes;
  const backings = new WeakMap<CudaArena, Backing>();
  const out = new BigUint64Array(1);
  let lastOutOfMemory: Error | undefined;

  const release = (handle: bigint): void => {
    cleanups.run(() => driver.check(calls.cuMemRelease(handle), "cuMemRelease"));
  };
  /** Returns undefined when the device is out of memory. */
  const createMemory = (sizeBytes: number): bigint | undefined => {
    const status = calls.cuMemCreate(out, sizeBytes, properties, 0);
    if (status === cudaErrorOutOfMemory) {
      lastOutOfMemory = driver.errorOf(status, "cuMemCreate");
      return undefined;
    }
    driver.check(status, "cuMemCreate");
    return out[0] ?? 0n;
  };
  /** Whether to start at all: mapping chunk by chunk in vain would take all free memory from other processes. */
  const canAllocate = (missingBytes: number): boolean => {
    if (missingBytes <= chunkBytes || device.freeBytes() >= missingBytes) return true;
    const whole = createMemory(missingBytes);
    if (whole !== undefined) release(whole);
    return whole !== undefined;
  };
  /** Maps one chunk after the last; false when the device is out of memory. */
  const addChunk = (arena: CudaArena, backing: Backing): boolean => {
    const handle = createMemory(chunkBytes);
    if (handle === undefined) return false;
    const at = arena.base + BigInt(backing.chunks.length * chunkBytes);
    try {
      driver.check(calls.cuMemMap(at, chunkBytes, 0, handle, 0), "cuMemMap");
    } catch (error) {
      return releaseAfter(error, () => release(handle));
    }
    backing.chunks.push(handle);
    return true;
  };
  /** Unmaps chunks from the end; one that fails to unmap stays mapped beyond the arena's end, for the next growth. */
  const shrinkTo = (arena: CudaArena, backing: Backing, sizeBytes: number): void => {
    if (backing.chunks.length * chunkBytes > sizeBytes) options.beforeUnmap();
    context.makeCurrent();
    while (backing.chunks.length * chunkBytes > sizeBytes) {
      const end = (backing.chunks.length - 1) * chunkBytes;
      driver.check(calls.cuMemUnmap(arena.base + BigInt(end), chunkBytes), "cuMemUnmap");
      backing.accessibleBytes = Math.min(backing.accessibleBytes, end);
      release(backing.chunks.pop() ?? 0n);
    }
  };
  /** All or nothing: a growth that fails unmaps what it mapped. */
  const growTo = (arena: CudaArena, backing: Backing, sizeBytes: number): boolean => {
    if (!canAllocate(sizeBytes - backing.chunks.length * chunkBytes)) return false;
    let isGrown = false;
    try {
      while (backing.chunks.length * chunkBytes < sizeBytes) {
        if (!addChunk(arena, backing)) return false;
      }
      const from = backing.accessibleBytes;
      if (from < sizeBytes) {
        const at = arena.base + BigInt(from);
        driver.check(calls.cuMemSetAccess(at, sizeBytes - from, access, 1), "cuMemSetAccess");
        backing.accessibleBytes = sizeBytes;
      }
      isGrown = true;
    } finally {
      if (!isGrown) cleanups.run(() => shrinkTo(arena, backing, arena.sizeBytes));
    }
    arena.sizeBytes = sizeBytes;
    return true;
  };
  const resize = (arena: CudaArena, sizeBytes: number): boolean => {
    const backing = backings.get(arena);
    if (backing === undefined || sizeBytes > reservedBytes || sizeBytes % chunkBytes !== 0) return false;
    context.makeCurrent();
    cleanups.retry();
    if (sizeBytes > arena.sizeBytes) return growTo(arena, backing, sizeBytes);
    arena.sizeBytes = sizeBytes;
    cleanups.run(() => shrinkTo(arena, backing, arena.sizeBytes));
    return true;
  };
  const freeArena = (arena: CudaArena, backing: Backing): void => {
    context.makeCurrent();
    shrinkTo(arena, backing, 0);
    driver.check(calls.cuMemAddressFree(arena.base, reservedBytes), "cuMemAddressFree");
  };

  return {
    kind: "virtual",
    granularityBytes: chunkBytes,
    maxArenaBytes: reservedBytes,
    baseAlignmentBytes: pageBytes,
    get lastOutOfMemory() {
      return lastOutOfMemory;
    },
    clearOutOfMemory() {
      lastOutOfMemory = undefined;
    },
    map(sizeBytes) {
      context.makeCurrent();
      cleanups.retry();
      driver.check(calls.cuMemAddressReserve(out, reservedBytes, 0, 0, 0), "cuMemAddressReserve");
      const arena: CudaArena = { base: out[0] ?? 0n, sizeBytes: 0 };
      const backing: Backing = { chunks: [], accessibleBytes: 0 };
      backings.set(arena, backing);
      let isMapped = false;
      try {
        isMapped = growTo(arena, backing, Math.ceil(sizeBytes / chunkBytes) * chunkBytes);
      } finally {
        if (!isMapped) cleanups.run(() => freeArena(arena, backing));
      }
      return isMapped ? arena : undefined;
    },
    unmap(arena) {
      const backing = backings.get(arena);
      if (backing === undefined) return;
      backings.delete(arena);
      cleanups.retry();
      arena.sizeBytes = 0;
      cleanups.run(() => freeArena(arena, backing));
    },
    resize,
  };
}
