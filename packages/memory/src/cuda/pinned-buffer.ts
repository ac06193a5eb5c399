import { MemoryError } from "../errors.ts";
import type { CudaContext } from "./cuda-context.ts";
import { viewForeignMemory } from "./foreign-library.ts";

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
  /** Whether a view is one of pinned memory. */
  isPinned(view: Uint8Array): boolean;
}

interface PinnedRange {
  readonly address: bigint;
  readonly letGo: () => void;
}

export function createPinnedMemory(context: CudaContext): PinnedMemory {
  const { driver, deviceId } = context;
  const { functions } = driver;
  const buffers = new WeakSet<ArrayBufferLike>();
  /** What could not be given back when its view was collected: tried again by the next `create`, which throws. */
  const owed: PinnedRange[] = [];

  const release = ({ address, letGo }: PinnedRange): void => {
    context.enter();
    driver.check(functions.cuMemFreeHost(address), "cuMemFreeHost");
    letGo();
  };
  const collected = new FinalizationRegistry<PinnedRange>((range) => {
    try {
      release(range);
    } catch {
      owed.push(range);
    }
  });
  return {
    create(sizeBytes) {
      if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
        throw new MemoryError("INVALID_ARGUMENT", `sizeBytes must be a positive integer, found ${sizeBytes}`);
      }
      for (let range = owed[0]; range !== undefined; range = owed[0]) {
        release(range);
        owed.shift();
      }
      context.enter();
      const address = driver.readUint64(
        (out) => functions.cuMemHostAlloc(out, sizeBytes, 0),
        "cuMemHostAlloc",
      );
      const buffer = viewForeignMemory(address, sizeBytes);
      collected.register(buffer, { address, letGo: context.hold() });
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
