import type { CudaArena, CudaArenaSource, CudaArenaSourceOptions } from "./cuda-arena-source.ts";
import type { CudaDevice } from "./cuda-device.ts";
import { cudaErrorOutOfMemory } from "./driver/cuda-functions.ts";

const mib = 2 ** 20;
const alignmentBytes = 4096;

/** Arenas by `cuMemAlloc`: they cannot grow. For drivers without virtual memory management. */
export function createPlainArenaSource(
  device: CudaDevice,
  options: Omit<CudaArenaSourceOptions, "kind">,
): CudaArenaSource {
  const { driver, context } = device;
  const { functions } = driver;
  const { owed, chunkBytes: granularityBytes = 2 * mib } = options;
  const out = new BigUint64Array(1);
  /** Where arenas really begin. */
  const bases = new WeakMap<CudaArena, bigint>();
  let lastRefusal: Error | undefined;

  const free = (base: bigint): void => {
    owed.run(() => {
      options.beforeUnmap();
      context.enter();
      driver.check(functions.cuMemFree_v2(base), "cuMemFree_v2");
    });
  };
  const allocate = (sizeBytes: number): bigint | undefined => {
    const status = functions.cuMemAlloc_v2(out, sizeBytes);
    if (status === cudaErrorOutOfMemory) {
      lastRefusal = driver.errorOf(status, "cuMemAlloc_v2");
      return undefined;
    }
    driver.check(status, "cuMemAlloc_v2");
    return out[0];
  };
  return {
    kind: "plain",
    granularityBytes,
    maxArenaBytes: device.totalBytes,
    baseAlignmentBytes: alignmentBytes,
    get lastRefusal() {
      return lastRefusal;
    },
    forgetRefusal() {
      lastRefusal = undefined;
    },
    map(sizeBytes) {
      owed.retry();
      context.enter();
      let base = allocate(sizeBytes);
      // cuMemAlloc promises 256 bytes; what is as large as an arena begins at a page all the same.
      if (base !== undefined && base % BigInt(alignmentBytes) !== 0n) {
        free(base);
        base = allocate(sizeBytes + alignmentBytes);
      }
      if (base === undefined) return undefined;
      const arena: CudaArena = { base: base + (-base & BigInt(alignmentBytes - 1)), sizeBytes };
      bases.set(arena, base);
      return arena;
    },
    unmap(arena) {
      owed.retry();
      const base = bases.get(arena);
      bases.delete(arena);
      if (base !== undefined) free(base);
    },
  };
}
