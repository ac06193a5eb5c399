/** How a weight is quantized: whole numbers of `bits`, in blocks of `blockSize` along a row, a scale for each block. */
export interface Quantization {
  readonly bits: 4 | 8;
  readonly blockSize: number;
}

/** Whole numbers of 8 bits with one scale for each row, for products of whole numbers. */
export interface RowQuantization {
  readonly bits: 8;
  readonly blockSize: "row";
}

/** A quantization whose blocks may have a minimum or a zero point beside the scale. */
export interface BlockLayout extends Quantization {
  readonly hasMinima: boolean;
  readonly hasZeroPoints?: boolean;
  /** Of rows that are one block: see `BlockQuantizedWeight`. */
  readonly rotation?: number;
}

/** Where blocks are written. */
export interface BlockRows {
  /** `(rows, blocks, blockSize · bits / 8)`; each `q` stands for `q − 2^(bits − 1)`; of 4 bits the low half comes first. */
  readonly data: Uint8Array;
  /** `(rows, blocks)`. */
  readonly scales: Float32Array;
  /** `(rows, blocks)`, what is added to `scale · (q − 2^(bits − 1))`; of no length where blocks have none. */
  readonly minima: Float32Array;
  /**
   * `(rows, bytes)`, packed as the numbers are: a block stands for `scale · (q − zeroPoint)`. Of no length where blocks
   * have none.
   */
  readonly zeroPoints: Uint8Array;
}

/** Blocks of one row; the last one may have fewer numbers. */
export function blockCount(columns: number, { blockSize }: Quantization): number {
  return Math.ceil(columns / blockSize);
}

/** Bytes of the zero points of one row. */
export function zeroPointBytes(columns: number, layout: BlockLayout): number {
  return layout.hasZeroPoints === true ? Math.ceil((blockCount(columns, layout) * layout.bits) / 8) : 0;
}

/** Bytes of one block. */
export function blockBytes({ bits, blockSize }: Quantization): number {
  return (blockSize * bits) / 8;
}
