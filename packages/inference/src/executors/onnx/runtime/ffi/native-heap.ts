import { openProcessLibrary } from "./process-library.ts";

/** The C allocator of this process, if it keeps freed memory and can be configured not to. */
export interface NativeHeap {
  /** Allocates large blocks from the system one by one, so that each is returned when it is freed. */
  separateLargeBlocks(): void;
  /** Keeps freed blocks of up to 32 MiB for the next ones, until `separateLargeBlocks`. */
  reuseLargeBlocks(): void;
  /** Returns free memory to the system, off the event loop. */
  trim(): Promise<void>;
}

/** `M_MMAP_THRESHOLD` of `mallopt`. Once set, even to its default, it no longer grows (up to 32 MiB) as blocks are freed. */
const mmapThreshold = -3;
/** `M_TRIM_THRESHOLD`: how much free memory at the end of a heap is kept. */
const trimThreshold = -1;
const largeBlockBytes: number = 128 * 1024;
/** The largest threshold that the allocator takes. */
const maxBlockBytes: number = 32 * 2 ** 20;
const keptBytes: number = 2 ** 30;

/**
 * Opens the allocator of glibc; `undefined` with any other.
 *
 * @see https://man7.org/linux/man-pages/man3/mallopt.3.html
 */
export function openNativeHeap(): NativeHeap | undefined {
  if (process.platform !== "linux") return undefined;
  const library = openProcessLibrary();
  let mallopt: (param: number, value: number) => number;
  let trim: { async(padBytes: number, done: (error: unknown) => void): void };
  try {
    mallopt = library.func("mallopt", "int", ["int", "int"]);
    trim = library.func("malloc_trim", "int", ["size_t"]);
  } catch {
    return undefined;
  }
  return {
    separateLargeBlocks: () => {
      mallopt(mmapThreshold, largeBlockBytes);
      mallopt(trimThreshold, largeBlockBytes);
    },
    reuseLargeBlocks: () => {
      mallopt(mmapThreshold, maxBlockBytes);
      mallopt(trimThreshold, keptBytes);
    },
    trim: () =>
      new Promise((resolve) => {
        trim.async(0, () => resolve());
      }),
  };
}
