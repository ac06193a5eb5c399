import type { AllocationRequest, AllocationTag, MemoryBlock, MemoryReservation } from "../allocator.ts";
import { formatTag, MemoryError, type OutOfMemoryError } from "../errors.ts";
import { formatBytes } from "../format-bytes.ts";
import type { MappedArena } from "../sub-allocator/ports.ts";
import type { RangeHandle, SubAllocator, SubAllocatorReservation } from "../sub-allocator/sub-allocator.ts";

export interface PoolReservationParts<Arena extends MappedArena, Block extends MemoryBlock> {
  readonly ranges: SubAllocator<Arena>;
  readonly sizeBytes: number;
  readonly tag: AllocationTag;
  /** The largest range. */
  readonly pieceBytes: number;
  isPoolDisposed(): boolean;
  makeBlock(handle: RangeHandle, request: AllocationRequest): Block;
  outOfMemory(requestedBytes: number): OutOfMemoryError;
}

/** Reserves the ranges of a reservation, all or none. */
function reservePieces<Arena extends MappedArena, Block extends MemoryBlock>(
  parts: PoolReservationParts<Arena, Block>,
): SubAllocatorReservation[] {
  const pieces: SubAllocatorReservation[] = [];
  let missingBytes = parts.sizeBytes;
  do {
    const piece = parts.ranges.reserve(Math.min(missingBytes, parts.pieceBytes));
    if (piece === undefined) {
      for (const reserved of pieces) reserved.release();
      throw parts.outOfMemory(parts.sizeBytes);
    }
    pieces.push(piece);
    missingBytes -= parts.pieceBytes;
  } while (missingBytes > 0);
  return pieces;
}

/**
 * Creates a reservation of ranges: one up to the largest arena, above that several of that size. Each block
 * lies in one of them and counts rounded up to the pool's granularity.
 */
export function createPoolReservation<Arena extends MappedArena, Block extends MemoryBlock>(
  parts: PoolReservationParts<Arena, Block>,
): MemoryReservation<Block> {
  const pieces = reservePieces(parts);
  let isDisposed = false;
  const remainingBytes = (): number =>
    isDisposed || parts.isPoolDisposed()
      ? 0
      : pieces.reduce((total, piece) => total + piece.remainingBytes, 0);
  const dispose = (): void => {
    if (isDisposed) return;
    isDisposed = true;
    if (!parts.isPoolDisposed()) for (const piece of pieces) piece.release();
  };
  return {
    sizeBytes: parts.sizeBytes,
    get remainingBytes() {
      return remainingBytes();
    },
    allocate(request) {
      if (parts.isPoolDisposed()) {
        throw new MemoryError(
          "POOL_DISPOSED",
          "expected a reservation of a live pool, got one of a disposed pool",
        );
      }
      if (isDisposed) {
        throw new MemoryError(
          "RESERVATION_DISPOSED",
          `expected a live reservation for ${formatTag(parts.tag)}, got a disposed one`,
        );
      }
      for (const piece of pieces) {
        const handle = piece.allocate(request.sizeBytes, request.alignmentBytes);
        if (handle !== undefined) return parts.makeBlock(handle, request);
      }
      throw new MemoryError(
        "RESERVATION_EXCEEDED",
        `expected ${formatBytes(request.sizeBytes)} left of the reservation for ${formatTag(parts.tag)}, ` +
          `got ${formatBytes(remainingBytes())} of ${formatBytes(parts.sizeBytes)}, the largest piece ` +
          formatBytes(Math.max(...pieces.map((piece) => piece.remainingBytes))),
      );
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
