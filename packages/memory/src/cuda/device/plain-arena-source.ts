import type { CudaArena, CudaArenaSource, CudaArenaSourceOptions } from "./cuda-arena-source.ts";
import type { CudaDevice } from "./cuda-device.ts";
import { cudaErrorOutOfMemory } from "../driver/cuda-functions.ts";

const mib = 2 ** 20;
const alignmentBytes = 4096;

/** Arenas from `cuMemAlloc`, which cannot grow. For drivers without virtual memory management. */
export function createPlainArenaSource(
  device: CudaDevice,
  options: Omit<CudaArenaSourceOptions, "kind">,
): CudaArenaSource {
  const { driver, context } = device;
  const { functions } = driver;
  const { cleanups, chunkBytes: granularityBytes = 2 * mib } = options;
  const out = new BigUint64Array(1);
  /** The unaligned base of each arena. */
  const bases = new WeakMap<CudaArena, bigint>();
  let lastOutOfMemory: Error | undefined;

  const free = (base: bigint): void => {
    cleanups.run(() => {
      options.beforeUnmap();
      context.makeCurrent();
      driver.check(functions.cuMemFree_v2(base), "cuMemFree_v2");
    });
  };
  const allocate = (sizeBytes: number): bigint | undefined => {
    const status = functions.cuMemAlloc_v2(out, sizeBytes);
    if (status === cudaErrorOutOfMemory) {
      lastOutOfMemory = driver.errorOf(status, "cuMemAlloc_v2");
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
    get lastOutOfMemory() {
      return lastOutOfMemory;
    },
    clearOutOfMemory() {
      lastOutOfMemory = undefined;
    },
    map(sizeBytes) {
      cleanups.retry();
      context.makeCurrent();
      let base = allocate(sizeBytes);
      // cuMemAlloc guarantees 256 bytes; memory as large as an arena is usually aligned to a page.
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
      cleanups.retry();
      const base = bases.get(arena);
      bases.delete(arena);
      if (base !== undefined) free(base);
    },
  };
}
