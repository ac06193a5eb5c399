import { blockBytes, type BlockRows, type Quantization } from "../block-layout.ts";

/**
 * Quantizes whole rows of `columns` numbers.
 *
 * 4 bits: the number of the largest magnitude becomes −8, as in llama.cpp's Q4_0; the scale is then the one with the
 * least squared error. 8 bits: the largest magnitude becomes 127. A block with a number that is not finite gets a
 * scale that is not finite.
 *
 * @see llama.cpp, `ggml-quants.c`, `quantize_row_q4_0_ref`
 */
export function quantizeRows(
  values: Float32Array,
  { columns, quantization }: { readonly columns: number; readonly quantization: Quantization },
  out: Pick<BlockRows, "data" | "scales">,
): void {
  const { bits, blockSize } = quantization;
  const bytes = blockBytes(quantization);
  const block = bits === 4 ? new Block4(values, out.data) : new Block8(values, out.data);
  for (let index = 0, row = 0; row < values.length; row += columns) {
    for (let column = 0; column < columns; column += blockSize, index += 1) {
      const end = Math.min(row + columns, row + column + blockSize);
      out.scales[index] = block.write(row + column, end, index * bytes);
    }
  }
}

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
    const inverse = extreme === 0 ? 0 : -8 / extreme;
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
      cross += first * q + second * r;
      square += q * q + r * r;
      data[byte] = low | (high << 4);
      byte += 1;
    }
    return square === 0 ? 0 : cross / square;
  }
}

/** Writes blocks of 8 bits. */
class Block8 {
  readonly #values: Float32Array;
  readonly #data: Uint8Array;

  constructor(values: Float32Array, data: Uint8Array) {
    this.#values = values;
    this.#data = data;
  }

  write(start: number, end: number, at: number): number {
    const values = this.#values;
    const data = this.#data;
    let largest = 0;
    for (let index = start; index < end; index += 1) {
      const value = values[index]!;
      const magnitude = value < 0 ? -value : value;
      if (magnitude > largest) largest = magnitude;
    }
    const inverse = largest === 0 ? 0 : 127 / largest;
    let byte = at;
    let sum = 0;
    for (let index = start; index < end; index += 1) {
      const value = values[index]!;
      sum += value;
      data[byte] = (value * inverse + 128.5) | 0;
      byte += 1;
    }
    // NaN has no magnitude that compares.
    return Number.isNaN(sum) ? Number.NaN : largest / 127;
  }
}
