import koffi from "koffi";

/**
 * koffi runs a native call on a stack of its own, 128 KiB for asynchronous calls unless told
 * otherwise; the runtime's matrix products alone keep panels of 64 KiB there.
 */
const wantedStackBytes: number = 8 * 1024 * 1024;
export const minimumStackBytes: number = 1024 * 1024;

/** Asks koffi for a large stack, which works only before its first library; answers the size that holds. */
export function ensureStack(): number {
  const current = koffi.config().async_stack_size ?? 0;
  if (current >= minimumStackBytes) return current;
  try {
    koffi.config({ async_stack_size: wantedStackBytes });
  } catch {
    // Too late: another library was loaded through koffi before. The caller reports the size.
  }
  return koffi.config().async_stack_size ?? 0;
}
