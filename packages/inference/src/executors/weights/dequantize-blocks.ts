import type { StoredWeight } from "@infernode/models";

type BlockQuantizedWeight = Extract<StoredWeight, { readonly encoding: "block-quantized" }>;

/** The bytes of the tensors of a weight in blocks. */
export interface BlockParts {
  readonly data: Uint8Array;
  readonly scales: Float32Array;
  readonly zeroPoints: Uint8Array | undefined;
  readonly minima: Float32Array | undefined;
  readonly columnOrder: Int32Array | undefined;
}

/** Makes numbers of blocks: `(rows, columns)`. */
export function dequantizeBlocks(weight: BlockQuantizedWeight, parts: BlockParts): Float32Array {
  const { bits, blockSize, shape, rotation } = weight;
  const [rows = 0, columns = 0] = shape;
  const { data, scales, zeroPoints, minima, columnOrder } = parts;
  const blocks = Math.ceil(columns / blockSize);
  const rowBytes = (blocks * blockSize * bits) / 8;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const integerAt = bits === 8 ? byteAt : halfByteAt;
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let place = 0; place < columns; place += 1) {
      const inRow = Math.floor(place / blockSize);
      const block = row * blocks + inRow;
      const zero = zeroPoints === undefined ? 2 ** (bits - 1) : integerAt(zeroPoints, row * zeroBytes, inRow);
      // Rotated rows are signed, and stored by column.
      const stored =
        rotation === undefined ? integerAt(data, row * rowBytes, place) : data[place * rows + row]! ^ 128;
      const column = columnOrder?.[place] ?? place;
      values[row * columns + column] = (stored - zero) * scales[block]! + (minima?.[block] ?? 0);
    }
  }
  if (rotation !== undefined && rotation > 1) turnBack(values, rotation);
  return values;
}

/** The integer of an index, of those from a byte on. */
type IntegerAt = (from: Uint8Array, startByte: number, index: number) => number;

const byteAt: IntegerAt = (from, startByte, index) => from[startByte + index]!;
const halfByteAt: IntegerAt = (from, startByte, index) =>
  (from[startByte + (index >> 1)]! >> (4 * (index & 1))) & 15;

/** Multiplies each `size` numbers with the normalized Hadamard matrix, which is its own inverse. */
function turnBack(values: Float32Array, size: number): void {
  const factor = 1 / Math.sqrt(size);
  for (let start = 0; start < values.length; start += size) {
    for (let span = 1; span < size; span *= 2) {
      for (let first = start; first < start + size; first += 2 * span) {
        for (let at = first; at < first + span; at += 1) {
          const [a, b] = [values[at]!, values[at + span]!];
          values[at] = a + b;
          values[at + span] = a - b;
        }
      }
    }
    for (let at = start; at < start + size; at += 1) values[at]! *= factor;
  }
}
