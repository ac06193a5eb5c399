import type { CudaArena, CudaArenaSource } from "./cuda-arena-source.ts";
import type { CudaDevice } from "./cuda-device.ts";
import { CUDA_ERROR_OUT_OF_MEMORY } from "./cuda-functions.ts";
import type { OwedCleanups } from "./owed-cleanups.ts";

const MIB = 2 ** 20;
const ALIGNMENT_BYTES = 4096;

/** Arenas by `cuMemAlloc`: they cannot grow. For drivers without virtual memory management. */
export function createPlainArenaSource(
  device: CudaDevice,
  owed: OwedCleanups,
  granularityBytes: number = 2 * MIB,
): CudaArenaSource {
  const { driver, context } = device;
  const { functions } = driver;
  const out = new BigUint64Array(1);
  /** Where arenas really begin. */
  const bases = new WeakMap<CudaArena, bigint>();
  let lastRefusal: Error | undefined;

  const free = (base: bigint): void => {
    owed.run(() => {
      context.enter();
      driver.check(functions.cuMemFree_v2(base), "cuMemFree_v2");
    });
  };
  const allocate = (sizeBytes: number): bigint | undefined => {
    const status = functions.cuMemAlloc_v2(out, sizeBytes);
    if (status === CUDA_ERROR_OUT_OF_MEMORY) {
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
    baseAlignmentBytes: ALIGNMENT_BYTES,
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
      if (base !== undefined && base % BigInt(ALIGNMENT_BYTES) !== 0n) {
        free(base);
        base = allocate(sizeBytes + ALIGNMENT_BYTES);
      }
      if (base === undefined) return undefined;
      const arena: CudaArena = { base: base + (-base & BigInt(ALIGNMENT_BYTES - 1)), sizeBytes };
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
