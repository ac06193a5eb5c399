import { MemoryError } from "../errors.ts";
import type { CudaContext } from "./cuda-context.ts";
import { viewForeignMemory } from "./driver/foreign-library.ts";

/** Host memory that the device reads and writes directly, at the speed of the bus. */
export interface PinnedBuffer extends Disposable {
  readonly sizeBytes: number;
  /** @throws MemoryError `CUDA_HANDLE_DISPOSED` */
  readonly bytes: Uint8Array;
  /**
   * Gives the memory back as soon as nobody holds a view of it: a view that was kept cannot be cut off,
   * so the memory behind it stays until the view is collected, and using it is never a crash.
   */
  dispose(): void;
}

/** Hands out pinned buffers and gives their memory back. One for each device. */
export interface PinnedMemory {
  /** @throws CudaError `CUDA_ERROR`; MemoryError `INVALID_ARGUMENT` */
  create(sizeBytes: number): PinnedBuffer;
  /** Tries again what could not be given back when its view was collected. @throws CudaError `CUDA_ERROR` */
  settle(): void;
  /** Whether a view is one of pinned memory. */
  isPinned(view: Uint8Array): boolean;
}

/** At module level because a registry that is collected together with what it watches calls nobody. */
const collected = new FinalizationRegistry<() => void>((release) => release());

export function createPinnedMemory(context: CudaContext): PinnedMemory {
  const { driver, deviceId } = context;
  const { functions } = driver;
  const buffers = new WeakSet<ArrayBufferLike>();
  /** What could not be given back when its view was collected. */
  const owed: (() => void)[] = [];

  /** A scope of its own: what it answers must not hold the view. */
  const releaserOf = (address: bigint): (() => void) => {
    const letGo = context.hold();
    let isFreed = false;
    const release = (): void => {
      if (!isFreed) {
        context.enter();
        driver.check(functions.cuMemFreeHost(address), "cuMemFreeHost");
        isFreed = true;
      }
      letGo();
    };
    return () => {
      try {
        release();
      } catch {
        owed.push(release);
      }
    };
  };
  const settle = (): void => {
    for (let release = owed[0]; release !== undefined; release = owed[0]) {
      release();
      owed.shift();
    }
  };
  return {
    settle,
    create(sizeBytes) {
      if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
        throw new MemoryError("INVALID_ARGUMENT", `sizeBytes must be a positive integer, found ${sizeBytes}`);
      }
      settle();
      context.enter();
      const address = driver.readUint64(
        (out) => functions.cuMemHostAlloc(out, sizeBytes, 0),
        "cuMemHostAlloc",
      );
      const buffer = viewForeignMemory(address, sizeBytes);
      collected.register(buffer, releaserOf(address));
      buffers.add(buffer);
      let bytes: Uint8Array | undefined = new Uint8Array(buffer);
      const dispose = (): void => {
        bytes = undefined;
      };
      return {
        sizeBytes,
        get bytes() {
          if (bytes !== undefined) return bytes;
          throw new MemoryError("CUDA_HANDLE_DISPOSED", `a pinned buffer of ${deviceId} was disposed`);
        },
        dispose,
        [Symbol.dispose]: dispose,
      };
    },
    isPinned: (view) => buffers.has(view.buffer),
  };
}
