import type { MemoryPort } from "@infernode/inference";

/** Memory without limit and accounting. */
export const plainMemory: MemoryPort = {
  allocate: ({ sizeBytes }) => ({ bytes: new Uint8Array(sizeBytes), dispose: () => {} }),
};
