import type { BlockLayout } from "../block-layout.ts";

/**
 * One block of a GGUF tensor, unpacked: each number `q` is from 0 up and stands for
 * `scale · (q − 2^(bits − 1)) + minimum`, with the scale and the minimum of its block of `blockSize` numbers.
 */
export interface UnpackedBlock {
  readonly q: Uint8Array;
  readonly scales: Float32Array;
  readonly minima: Float32Array;
}

/** A block type of GGUF, and the layout that holds its numbers without a loss. */
export interface BlockFormat extends BlockLayout {
  /** Numbers in one block of the file. */
  readonly elementCount: number;
  /** Bytes of one block of the file. */
  readonly sizeBytes: number;
  /** Unpacks the block that starts at a byte. */
  readonly unpack: (source: Uint8Array, at: number, out: UnpackedBlock) => void;
}
