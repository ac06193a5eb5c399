import type { FileMappings } from "./ffi/file-mappings.ts";
import type { NativeHeap } from "./ffi/native-heap.ts";

/** What can be set in this process beside the runtime; `undefined` where the system has no such thing. */
export interface NativeProcess {
  /** The C allocator, which keeps freed memory unless configured otherwise. */
  readonly heap: NativeHeap | undefined;
  readonly mappings: FileMappings | undefined;
}

/** Opens the C library of this process. */
export async function openNative(): Promise<NativeProcess> {
  try {
    const { openNativeHeap } = await import("./ffi/native-heap.ts");
    const { openFileMappings } = await import("./ffi/file-mappings.ts");
    return { heap: openNativeHeap(), mappings: openFileMappings() };
  } catch {
    // Without koffi it cannot be called.
    return { heap: undefined, mappings: undefined };
  }
}
