import { constants } from "node:buffer";
import type { ArenaSource, MappedArena } from "../sub-allocator/ports.ts";

/** What offset 0 of an arena is aligned to. */
const baseAlignmentBytes = 4096;

/** One ArrayBuffer; offset 0 of the arena is byte `baseOffset` of it. */
export interface HostArena extends MappedArena {
  readonly buffer: ArrayBuffer;
  readonly baseOffset: number;
}

/** The longest view there can be: 4 GiB on Node 20. */
export const maxHostBlockBytes: number = constants.MAX_LENGTH;

/**
 * Creates a source of ArrayBuffers. Their pages are taken from the system when first written to.
 * Without `addressOf`, offsets in the buffer are aligned; with it, addresses are.
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
      // The buffer's memory is freed by garbage collection once no view of it is left.
    },
  };
}
