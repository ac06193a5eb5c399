import { blockBytes, blockCount, type BlockLayout, type BlockRows } from "../block-layout.ts";
import type { HalfNumbers } from "../decode-elements.ts";
import { RowKernels } from "../kernels/row-kernels.ts";

/** Numbers that are quantized at a time: with what they become, they stay in the cache of a processor. */
const chunkNumbers = 2 ** 16;
const signBit = 128;

/** How rows are quantized: with zero points where the integers have 4 bits. */
type RowsQuantization = Omit<BlockLayout, "hasMinima" | "hasZeroPoints">;

/** Compiled when they are needed. */
let kernels: RowKernels | undefined;

/**
 * Quantizes whole rows of `columns` numbers.
 *
 * 4 bits: from −z to 15 − z, where the zero point z is where the block's least number would be 0 and its largest 15. Of
 * several scales near the one that makes them so, the best is taken. The error of a number is squared and weighted with
 * its magnitude: large numbers matter more. 8 bits: the largest magnitude becomes 127. With a rotation, the numbers are
 * rotated before, and the integers have a sign. A block with a number that is not finite gets a scale that is not
 * finite.
 */
export function quantizeRows(
  numbers: Float32Array | HalfNumbers,
  { columns, quantization }: { readonly columns: number; readonly quantization: RowsQuantization },
  out: Omit<BlockRows, "minima">,
): void {
  kernels ??= new RowKernels();
  const { bits, blockSize, rotation } = quantization;
  const blocks = blockCount(columns, quantization);
  const width = blocks * blockSize;
  const step = columns * Math.max(1, Math.floor(chunkNumbers / width));
  const { length } = numbers instanceof Float32Array ? numbers : numbers.halves;
  for (let start = 0; start < length; start += step) {
    const rows = kernels.load(slice(numbers, start, Math.min(length, start + step)), columns, width);
    const firstRow = start / columns;
    const write = ({ data, scales }: Pick<BlockRows, "data" | "scales">): void => {
      out.data.set(data, firstRow * blocks * blockBytes(quantization));
      out.scales.set(scales, firstRow * blocks);
    };
    if (bits === 4) {
      const written = rows.toNibbles(blockSize);
      write(written);
      writeHalves(written.zeroPoints, blocks, out.zeroPoints.subarray(firstRow * Math.ceil(blocks / 2)));
    } else {
      if (rotation !== undefined) rows.rotate(rotation);
      write(rows.toBytes(blockSize, rotation === undefined ? signBit : 0));
    }
  }
}

function slice(numbers: Float32Array | HalfNumbers, start: number, end: number): Float32Array | HalfNumbers {
  if (numbers instanceof Float32Array) return numbers.subarray(start, end);
  return { ...numbers, halves: numbers.halves.subarray(start, end) };
}

/** Writes rows of numbers of 4 bits, two in a byte, the low half first; each row begins with a byte of its own. */
function writeHalves(numbers: Uint8Array, columns: number, out: Uint8Array): void {
  let byte = 0;
  for (let row = 0; row < numbers.length; row += columns) {
    for (let column = 0; column < columns; column += 2, byte += 1) {
      const high = column + 1 < columns ? numbers[row + column + 1]! : 0;
      out[byte] = numbers[row + column]! | (high << 4);
    }
  }
}
