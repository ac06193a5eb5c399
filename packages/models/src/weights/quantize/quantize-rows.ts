import { blockBytes, blockCount, type BlockLayout, type BlockRows } from "../block-layout.ts";
import { decodeHalves, type HalfNumbers } from "../decode-elements.ts";
import { quantizeToBytes } from "./quantize-to-bytes.ts";

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
  if (quantization.bits === 8) {
    quantizeToBytes(numbers, { columns, quantization }, out);
    return;
  }
  const { blockSize } = quantization;
  const values = numbers instanceof Float32Array ? numbers : decodeHalves(numbers);
  const bytes = blockBytes(quantization);
  const block = new Block4(values, out.data);
  // Zero points, two in a byte; each row begins with a byte of its own.
  const zerosPerRow = 2 * Math.ceil(blockCount(columns, quantization) / 2);
  for (let index = 0, row = 0; row < values.length; row += columns) {
    let zeroAt = (row / columns) * zerosPerRow;
    for (let column = 0; column < columns; column += blockSize, index += 1, zeroAt += 1) {
      const end = Math.min(row + columns, row + column + blockSize);
      out.scales[index] = block.write(row + column, end, index * bytes);
      writeHalf(out.zeroPoints, zeroAt, block.zeroPoint);
    }
  }
}

/** How rows are quantized: with zero points where the integers have 4 bits. */
type RowsQuantization = Omit<BlockLayout, "hasMinima" | "hasZeroPoints">;

/** Writes 4 bits; the low half of a byte before the high one. */
function writeHalf(bytes: Uint8Array, index: number, value: number): void {
  const at = index >> 1;
  bytes[at] = index % 2 === 0 ? value : bytes[at]! | (value << 4);
}

/** How many steps there are between the least and the largest number: those that together come nearest to a search. */
const stepCounts = [15 / 0.975, 15 / 1.05, 15 / 0.925] as const;

/** Steps below the first level that a number may have. */
const marginSteps = 2;
const levelCount = 20;

/** For each zero point, what a number of steps, from `marginSteps` below the first level on, is rounded to. */
const levels = Float64Array.from({ length: 16 * levelCount }, (_, at) => {
  const level = Math.min(15, Math.max(0, (at % levelCount) - marginSteps));
  return level - Math.floor(at / levelCount);
});

/** Writes blocks of 4 bits. */
class Block4 {
  /** Of the last block. */
  zeroPoint = 0;
  readonly #values: Float32Array;
  readonly #data: Uint8Array;

  constructor(values: Float32Array, data: Uint8Array) {
    this.#values = values;
    this.#data = data;
  }

  /** Writes the numbers from `start` to `end` at a byte, and returns their scale. */
  write(start: number, end: number, at: number): number {
    const values = this.#values;
    let least = 0;
    let most = 0;
    for (let index = start; index < end; index += 1) {
      const value = values[index]!;
      if (value < least) least = value;
      else if (value > most) most = value;
    }
    const range = most - least;
    const zeroPoint = range === 0 ? 0 : Math.round((-15 * least) / range);
    this.zeroPoint = zeroPoint;
    const table = zeroPoint * levelCount;
    const shift = table + zeroPoint + marginSteps + 0.5;
    const perRange = range === 0 ? 0 : 1 / range;
    const inverse0 = stepCounts[0] * perRange;
    const inverse1 = stepCounts[1] * perRange;
    const inverse2 = stepCounts[2] * perRange;
    let cross0 = 0;
    let cross1 = 0;
    let cross2 = 0;
    let square0 = 0;
    let square1 = 0;
    let square2 = 0;
    // Written out: a loop over candidates takes longer.
    for (let index = start; index < end; index += 1) {
      const value = values[index]!;
      const magnitude = value < 0 ? -value : value;
      const q0 = levels[(value * inverse0 + shift) | 0]!;
      const weighted0 = magnitude * q0;
      cross0 += value * weighted0;
      square0 += weighted0 * q0;
      const q1 = levels[(value * inverse1 + shift) | 0]!;
      const weighted1 = magnitude * q1;
      cross1 += value * weighted1;
      square1 += weighted1 * q1;
      const q2 = levels[(value * inverse2 + shift) | 0]!;
      const weighted2 = magnitude * q2;
      cross2 += value * weighted2;
      square2 += weighted2 * q2;
    }
    // For its integers, the scale with the least error is cross / square, and takes cross² / square away from the error.
    let cross = cross0;
    let square = square0;
    let inverse = inverse0;
    if (cross1 * cross1 * square > cross * cross * square1) {
      cross = cross1;
      square = square1;
      inverse = inverse1;
    }
    if (cross2 * cross2 * square > cross * cross * square2) {
      cross = cross2;
      square = square2;
      inverse = inverse2;
    }
    const data = this.#data;
    let byte = at;
    for (let index = start; index < end; index += 2) {
      const low = levels[(values[index]! * inverse + shift) | 0]! + zeroPoint;
      const second = index + 1 < end ? values[index + 1]! : 0;
      data[byte] = low | ((levels[(second * inverse + shift) | 0]! + zeroPoint) << 4);
      byte += 1;
    }
    return square === 0 ? cross : cross / square;
  }
}
