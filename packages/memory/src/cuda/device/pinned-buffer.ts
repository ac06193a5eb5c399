import { assertInteger } from "../../assert-argument.ts";
import { type CudaContext, handleDisposed } from "./cuda-context.ts";
import { viewForeignMemory } from "../driver/foreign-library.ts";

/** Page-locked host memory that the device reads and writes directly. */
export interface PinnedBuffer extends Disposable {
  readonly sizeBytes: number;
  /** @throws MemoryError `CUDA_HANDLE_DISPOSED` */
  readonly bytes: Uint8Array;
  /**
   * Frees the memory once no view of it is reachable: a view that is kept cannot be detached, so its memory
   * stays until the view is collected, and using it never crashes.
   */
  dispose(): void;
}

/** Allocates and frees the pinned buffers of one device. */
export interface PinnedMemory {
  /** @throws CudaError `CUDA_ERROR`; MemoryError `INVALID_ARGUMENT` */
  create(sizeBytes: number): PinnedBuffer;
  /** Retries the releases that failed when their views were collected. @throws CudaError `CUDA_ERROR` */
  retryReleases(): void;
  /** Whether a view is in pinned memory. */
  isPinned(view: Uint8Array): boolean;
}

/** At module level, because a registry that is collected together with its targets runs no callback. */
const bufferFinalizers = new FinalizationRegistry<() => void>((release) => release());

export function createPinnedMemory(context: CudaContext): PinnedMemory {
  const { driver, deviceId } = context;
  const { functions } = driver;
  const buffers = new WeakSet<ArrayBufferLike>();
  /** Releases that failed when their views were collected. */
  const failedReleases: (() => void)[] = [];

  /** A scope of its own: the returned function must not reference the view. */
  const releaserOf = (address: bigint): (() => void) => {
    const releaseContext = context.retain();
    let isFreed = false;
    const release = (): void => {
      if (!isFreed) {
        context.makeCurrent();
        driver.check(functions.cuMemFreeHost(address), "cuMemFreeHost");
        isFreed = true;
      }
      releaseContext();
    };
    return () => {
      try {
        release();
      } catch {
        failedReleases.push(release);
      }
    };
  };
  const retryReleases = (): void => {
    for (let release = failedReleases[0]; release !== undefined; release = failedReleases[0]) {
      release();
      failedReleases.shift();
    }
  };
  return {
    retryReleases,
    create(sizeBytes) {
      assertInteger("sizeBytes", sizeBytes);
      retryReleases();
      context.makeCurrent();
      const address = driver.readUint64(
        (out) => functions.cuMemHostAlloc(out, sizeBytes, 0),
        "cuMemHostAlloc",
      );
      const buffer = viewForeignMemory(address, sizeBytes);
      bufferFinalizers.register(buffer, releaserOf(address));
      buffers.add(buffer);
      let bytes: Uint8Array | undefined = new Uint8Array(buffer);
      const dispose = (): void => {
        bytes = undefined;
      };
      return {
        sizeBytes,
        get bytes() {
          if (bytes !== undefined) return bytes;
          throw handleDisposed(`pinned buffer of ${deviceId}`);
        },
        dispose,
        [Symbol.dispose]: dispose,
      };
    },
    isPinned: (view) => buffers.has(view.buffer),
  };
}
