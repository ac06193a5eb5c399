import type { ExecutorMemoryPlan } from "@infernode/inference";

/** Bytes of the host's memory that a plan takes: all, or the rest where the executor's memory is on a device. */
export function hostBytesOf({ hostBytes, totalBytes }: ExecutorMemoryPlan): number {
  return hostBytes ?? totalBytes;
}
