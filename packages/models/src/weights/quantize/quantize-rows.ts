import { blockBytes, type BlockLayout, type BlockRows } from "../block-layout.ts";
import { decodeHalves, type HalfNumbers } from "../decode-elements.ts";
import { quantizeToBytes } from "./quantize-to-bytes.ts";

/**
 * Quantizes whole rows of `columns` numbers.
 *
 * 4 bits: of several scales near the one that makes the number of the largest magnitude −8, as llama.cpp's Q4_0 has
 * it, the best; then refined. The error of a number is squared and weighted with its magnitude: large numbers matter
 * more. 8 bits: the largest magnitude becomes 127. With a rotation, the numbers are rotated before, and the integers
 * have a sign. A block with a number that is not finite gets a scale that is not finite.
 */
export function quantizeRows(
  numbers: Float32Array | HalfNumbers,
  {
    columns,
    quantization,
  }: { readonly columns: number; readonly quantization: Omit<BlockLayout, "hasMinima"> },
  out: Pick<BlockRows, "data" | "scales">,
): void {
  if (quantization.bits === 8) {
    quantizeToBytes(numbers, { columns, quantization }, out);
    return;
  }
  const { blockSize } = quantization;
  const values = numbers instanceof Float32Array ? numbers : decodeHalves(numbers);
  const bytes = blockBytes(quantization);
  const block = new Block4(values, out.data);
  for (let index = 0, row = 0; row < values.length; row += columns) {
    for (let column = 0; column < columns; column += blockSize, index += 1) {
      const end = Math.min(row + columns, row + column + blockSize);
      out.scales[index] = block.write(row + column, end, index * bytes);
    }
  }
}

/** What the largest magnitude of a block is in steps: those that together come nearest to a search over all. */
const stepCounts = [-8 / 1.025, -8 / 0.975, -8 / 0.925] as const;

/** What a number of steps is rounded to, by the steps above −8.5; the largest magnitude has at most 8.65. */
const levels = Float64Array.from({ length: 18 }, (_, steps) => Math.min(steps, 15) - 8);

/** Writes blocks of 4 bits. */
class Block4 {
  readonly #values: Float32Array;
  readonly #data: Uint8Array;

  constructor(values: Float32Array, data: Uint8Array) {
    this.#values = values;
    this.#data = data;
  }

  /** Writes the numbers from `start` to `end` at a byte, and returns their scale. */
  write(start: number, end: number, at: number): number {
    const values = this.#values;
    const data = this.#data;
    const inverse = this.#inverseScale(start, end);
    let cross = 0;
    let square = 0;
    let byte = at;
    for (let index = start; index < end; index += 2) {
      const first = values[index]!;
      const second = index + 1 < end ? values[index + 1]! : 0;
      let low = (first * inverse + 8.5) | 0;
      if (low > 15) low = 15;
      let high = (second * inverse + 8.5) | 0;
      if (high > 15) high = 15;
      const q = low - 8;
      const r = high - 8;
      const firstWeighted = (first < 0 ? -first : first) * q;
      const secondWeighted = (second < 0 ? -second : second) * r;
      cross += first * firstWeighted + second * secondWeighted;
      square += firstWeighted * q + secondWeighted * r;
      data[byte] = low | (high << 4);
      byte += 1;
    }
    return square === 0 ? cross : cross / square;
  }

  /** Steps for one: the error is least where the square of the cross product over the square of the steps is largest. */
  #inverseScale(start: number, end: number): number {
    const values = this.#values;
    let extreme = 0;
    let largest = 0;
    for (let index = start; index < end; index += 1) {
      const value = values[index]!;
      const magnitude = value < 0 ? -value : value;
      if (magnitude > largest) {
        largest = magnitude;
        extreme = value;
      }
    }
    if (extreme === 0) return 0;
    const inverse0 = stepCounts[0] / extreme;
    const inverse1 = stepCounts[1] / extreme;
    const inverse2 = stepCounts[2] / extreme;
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
      const q0 = levels[(value * inverse0 + 8.5) | 0]!;
      const weighted0 = magnitude * q0;
      cross0 += value * weighted0;
      square0 += weighted0 * q0;
      const q1 = levels[(value * inverse1 + 8.5) | 0]!;
      const weighted1 = magnitude * q1;
      cross1 += value * weighted1;
      square1 += weighted1 * q1;
      const q2 = levels[(value * inverse2 + 8.5) | 0]!;
      const weighted2 = magnitude * q2;
      cross2 += value * weighted2;
      square2 += weighted2 * q2;
    }
    let best = (cross0 * cross0) / square0;
    let inverse = inverse0;
    const score1 = (cross1 * cross1) / square1;
    if (score1 > best) {
      best = score1;
      inverse = inverse1;
    }
    return (cross2 * cross2) / square2 > best ? inverse2 : inverse;
  }
}
