import { MemoryError } from "../errors.ts";
import type { CudaArena, CudaArenaSource, CudaArenaSourceOptions } from "./cuda-arena-source.ts";
import type { CudaDevice } from "./cuda-device.ts";
import type { CudaDriver, CudaOptionalFunctions } from "./driver/cuda-driver.ts";
import { cuMemAllocGranularityMinimum, cudaErrorOutOfMemory } from "./driver/cuda-functions.ts";
import { encodeAccess, encodeProperties } from "./encode-allocation.ts";

const largestChunkBytes = 32 * 2 ** 20;
const manyChunks = 1024;

/** What is behind an arena's addresses. All chunks are of one size. */
interface Backing {
  /** Handles of the chunks that are mapped, in the order of their addresses; may reach behind the arena's end. */
  readonly chunks: bigint[];
  /** How far from the base the device may read and write. */
  accessibleBytes: number;
}

type VirtualFunctions = Required<
  Pick<
    CudaOptionalFunctions,
    | "cuMemGetAllocationGranularity"
    | "cuMemAddressReserve"
    | "cuMemAddressFree"
    | "cuMemCreate"
    | "cuMemRelease"
    | "cuMemMap"
    | "cuMemUnmap"
    | "cuMemSetAccess"
  >
>;

function requireFunctions(driver: CudaDriver, deviceId: string): VirtualFunctions {
  const { optional } = driver;
  if (
    optional.cuMemGetAllocationGranularity === undefined ||
    optional.cuMemAddressReserve === undefined ||
    optional.cuMemAddressFree === undefined ||
    optional.cuMemCreate === undefined ||
    optional.cuMemRelease === undefined ||
    optional.cuMemMap === undefined ||
    optional.cuMemUnmap === undefined ||
    optional.cuMemSetAccess === undefined
  ) {
    throw new MemoryError(
      "CUDA_UNAVAILABLE",
      `asked for virtual memory management on ${deviceId}, found a driver for CUDA ${driver.cudaVersion} without it`,
    );
  }
  return optional as VirtualFunctions;
}

/** Large, for few calls of the driver, but such that whole chunks fill a limit to less than a thousandth. */
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
 * Arenas by virtual memory management: each reserves addresses for the whole device, and physical
 * memory is mapped behind its end in chunks, so that growing moves nothing.
 * @throws MemoryError `CUDA_UNAVAILABLE` where the driver has no such functions
 * @see https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__VA.html
 */
export function createVirtualArenaSource(
  device: CudaDevice,
  options: Omit<CudaArenaSourceOptions, "kind">,
): CudaArenaSource {
  const { driver, context } = device;
  const { owed } = options;
  const calls = requireFunctions(driver, device.id);
  const properties = encodeProperties(device.ordinal);
  const access = encodeAccess(device.ordinal);
  context.enter();
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
  let lastRefusal: Error | undefined;

  const release = (handle: bigint): void => {
    owed.run(() => driver.check(calls.cuMemRelease(handle), "cuMemRelease"));
  };
  /** Undefined when the device has no more. */
  const createMemory = (sizeBytes: number): bigint | undefined => {
    const status = calls.cuMemCreate(out, sizeBytes, properties, 0);
    if (status === cudaErrorOutOfMemory) {
      lastRefusal = driver.errorOf(status, "cuMemCreate");
      return undefined;
    }
    driver.check(status, "cuMemCreate");
    return out[0] ?? 0n;
  };
  /** Whether to begin at all: chunk by chunk, what is not there would take from everybody all that is. */
  const isWorthTrying = (missingBytes: number): boolean => {
    if (missingBytes <= chunkBytes || device.freeBytes() >= missingBytes) return true;
    const whole = createMemory(missingBytes);
    if (whole !== undefined) release(whole);
    return whole !== undefined;
  };
  /** Maps one chunk behind the last; false when the device has no more. */
  const addChunk = (arena: CudaArena, backing: Backing): boolean => {
    const handle = createMemory(chunkBytes);
    if (handle === undefined) return false;
    const at = arena.base + BigInt(backing.chunks.length * chunkBytes);
    try {
      driver.check(calls.cuMemMap(at, chunkBytes, 0, handle, 0), "cuMemMap");
    } catch (error) {
      release(handle);
      throw error;
    }
    backing.chunks.push(handle);
    return true;
  };
  /** Unmaps chunks from the end; one that does not go stays mapped behind the arena's end, for the next growth. */
  const cutTo = (arena: CudaArena, backing: Backing, sizeBytes: number): void => {
    if (backing.chunks.length * chunkBytes > sizeBytes) options.beforeUnmap();
    context.enter();
    while (backing.chunks.length * chunkBytes > sizeBytes) {
      const end = (backing.chunks.length - 1) * chunkBytes;
      driver.check(calls.cuMemUnmap(arena.base + BigInt(end), chunkBytes), "cuMemUnmap");
      backing.accessibleBytes = Math.min(backing.accessibleBytes, end);
      release(backing.chunks.pop() ?? 0n);
    }
  };
  /** All or nothing: a growth that fails half-way gives back what it took. */
  const growTo = (arena: CudaArena, backing: Backing, sizeBytes: number): boolean => {
    if (!isWorthTrying(sizeBytes - backing.chunks.length * chunkBytes)) return false;
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
      if (!isGrown) owed.run(() => cutTo(arena, backing, arena.sizeBytes));
    }
    arena.sizeBytes = sizeBytes;
    return true;
  };
  const resize = (arena: CudaArena, sizeBytes: number): boolean => {
    const backing = backings.get(arena);
    if (backing === undefined || sizeBytes > reservedBytes || sizeBytes % chunkBytes !== 0) return false;
    context.enter();
    owed.retry();
    if (sizeBytes > arena.sizeBytes) return growTo(arena, backing, sizeBytes);
    arena.sizeBytes = sizeBytes;
    owed.run(() => cutTo(arena, backing, arena.sizeBytes));
    return true;
  };
  const freeArena = (arena: CudaArena, backing: Backing): void => {
    context.enter();
    cutTo(arena, backing, 0);
    driver.check(calls.cuMemAddressFree(arena.base, reservedBytes), "cuMemAddressFree");
  };

  return {
    kind: "virtual",
    granularityBytes: chunkBytes,
    maxArenaBytes: reservedBytes,
    baseAlignmentBytes: pageBytes,
    get lastRefusal() {
      return lastRefusal;
    },
    forgetRefusal() {
      lastRefusal = undefined;
    },
    map(sizeBytes) {
      context.enter();
      owed.retry();
      driver.check(calls.cuMemAddressReserve(out, reservedBytes, 0, 0, 0), "cuMemAddressReserve");
      const arena: CudaArena = { base: out[0] ?? 0n, sizeBytes: 0 };
      const backing: Backing = { chunks: [], accessibleBytes: 0 };
      backings.set(arena, backing);
      let isMapped = false;
      try {
        isMapped = growTo(arena, backing, Math.ceil(sizeBytes / chunkBytes) * chunkBytes);
      } finally {
        if (!isMapped) owed.run(() => freeArena(arena, backing));
      }
      return isMapped ? arena : undefined;
    },
    unmap(arena) {
      const backing = backings.get(arena);
      if (backing === undefined) return;
      backings.delete(arena);
      owed.retry();
      arena.sizeBytes = 0;
      owed.run(() => freeArena(arena, backing));
    },
    resize,
  };
}
