import { constants } from "node:buffer";
import type { ArenaSource, MappedArena } from "../sub-allocator/ports.ts";

/** The alignment of an arena's offset 0. */
const baseAlignmentBytes = 4096;

/** An arena in an ArrayBuffer; offset 0 of the arena is byte `baseOffset` of it. */
export interface HostArena extends MappedArena {
  readonly buffer: ArrayBuffer;
  readonly baseOffset: number;
}

/** The largest view: 4 GiB on Node 20. */
export const maxHostBlockBytes: number = constants.MAX_LENGTH;

/**
 * Creates a source of ArrayBuffers. The system commits their pages on first write.
 * With `addressOf`, addresses are aligned; without it, offsets in the buffer.
 */
export function createHostArenaSource(addressOf?: (buffer: ArrayBuffer) => bigint): ArenaSource<HostArena> {
  return {
    granularityBytes: baseAlignmentBytes,
    maxArenaBytes: maxHostBlockBytes,
    baseAlignmentBytes: baseAlignmentBytes,
    map(sizeBytes) {
      let buffer: ArrayBuffer;
      try {
        buffer = new ArrayBuffer(addressOf === undefined ? sizeBytes : sizeBytes + baseAlignmentBytes);
      } catch (error) {
        if (error instanceof RangeError) return undefined;
        throw error;
      }
      const baseOffset =
        addressOf === undefined ? 0 : Number(-addressOf(buffer) & BigInt(baseAlignmentBytes - 1));
      return { sizeBytes, buffer, baseOffset };
    },
    unmap() {
      // The garbage collector frees the buffer once no view of it is left.
    },
  };
}
