import type { MemoryPort } from "../../src/index.ts";

/** Host memory that counts its live blocks. */
export function createPlainMemory(): MemoryPort & { readonly liveBlockCount: number } {
  let liveBlockCount = 0;
  return {
    allocate: ({ sizeBytes }) => {
      liveBlockCount += 1;
      return {
        bytes: new Uint8Array(sizeBytes),
        dispose: () => {
          liveBlockCount -= 1;
        },
      };
    },
    get liveBlockCount() {
      return liveBlockCount;
    },
  };
}
