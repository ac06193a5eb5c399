import koffi from "koffi";

/**
 * koffi runs a native call on a stack of its own, for asynchronous calls 128 KiB unless configured. The
 * runtime's matrix products alone keep panels of 64 KiB there.
 */
const preferredStackBytes: number = 8 * 1024 * 1024;
export const minimumStackBytes: number = 1024 * 1024;

/** Asks koffi for a large stack, which works only before its first library; returns the size in effect. */
export function ensureStack(): number {
  const current = koffi.config().async_stack_size ?? 0;
  if (current >= minimumStackBytes) return current;
  try {
    koffi.config({ async_stack_size: preferredStackBytes });
  } catch {
    // Too late: another library was loaded through koffi before. The caller reports the size.
  }
  return koffi.config().async_stack_size ?? 0;
}

/** Opens the C library of this process. */
export function openProcessLibrary(): ReturnType<typeof koffi.load> {
  // The first library that koffi loads fixes the stack of native calls.
  ensureStack();
  return koffi.load(process.platform === "win32" ? "ucrtbase.dll" : null);
}
