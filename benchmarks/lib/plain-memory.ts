import type { MemoryPort } from "@infernode/inference";

/** Memory that costs nothing beyond its allocation: no limit, no accounts. */
export const plainMemory: MemoryPort = {
  allocate: ({ sizeBytes }) => ({ bytes: new Uint8Array(sizeBytes), dispose: () => {} }),
};
