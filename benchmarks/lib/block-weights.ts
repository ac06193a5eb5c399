import { open } from "node:fs/promises";
import type { BlockQuantizedWeight, Checkpoint, TensorInfo } from "@infernode/models";

/** Squared error of quantized matrices, and the square of the numbers that they were made of. */
export interface MatrixError {
  readonly squaredError: number;
  readonly square: number;
}

/** Reads a dense tensor as float32. */
export async function readDense(weights: Checkpoint["weights"], tensor: TensorInfo): Promise<Float32Array> {
  const bytes = await weights.read(tensor.name);
  if (tensor.dtype === "F32") return new Float32Array(bytes.slice().buffer);
  if (tensor.dtype !== "BF16") throw new Error(`expected F32 or BF16, got ${tensor.dtype}`);
  const halves = new Uint16Array(bytes.slice().buffer);
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** Replaces the numbers and scales of a weight of 4 bits in its file; its zero points become 8. */
export async function writeBlocks(
  { data, scales, zeroPoints }: BlockQuantizedWeight,
  blocks: { readonly data: Uint8Array; readonly scales: Float32Array },
): Promise<void> {
  const file = await open(data.filePath, "r+");
  try {
    await file.write(blocks.data, 0, blocks.data.byteLength, data.startByte);
    await file.write(new Uint8Array(blocks.scales.buffer), 0, blocks.scales.byteLength, scales.startByte);
    if (zeroPoints !== undefined) {
      const { startByte, endByte } = zeroPoints;
      await file.write(new Uint8Array(endByte - startByte).fill(0x88), 0, endByte - startByte, startByte);
    }
  } finally {
    await file.close();
  }
}

/** Compares a quantized weight with its source. */
export async function measureMatrix(
  weight: BlockQuantizedWeight,
  source: Float32Array,
): Promise<MatrixError> {
  const numbers = await readNumbers(weight);
  let squaredError = 0;
  let square = 0;
  for (let at = 0; at < source.length; at += 1) {
    squaredError += (source[at]! - numbers[at]!) ** 2;
    square += source[at]! ** 2;
  }
  return { squaredError, square };
}

/** Reads the numbers that a weight with scales, and perhaps with zero points, stands for: `(rows, columns)`. */
export async function readNumbers(weight: BlockQuantizedWeight): Promise<Float32Array> {
  const { bits, blockSize, shape, rotation } = weight;
  const [rows = 0, columns = 0] = shape;
  const blocks = Math.ceil(columns / blockSize);
  const stored = await readPart(weight.data);
  const scales = new Float32Array((await readPart(weight.scales)).buffer);
  const zeros = weight.zeroPoints && (await readPart(weight.zeroPoints));
  const zerosPerRow = (Math.ceil((blocks * bits) / 8) * 8) / bits;
  const middle = 2 ** (bits - 1);
  // Rotated rows have a sign, and are stored by column.
  const data =
    rotation === undefined
      ? stored
      : stored.map((_each, at) => stored[(at % columns) * rows + Math.floor(at / columns)]! ^ middle);
  const numbers = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const block = Math.floor(column / blockSize);
      const q = integerAt(data, row * blocks * blockSize + column, bits);
      const zero = zeros === undefined ? middle : integerAt(zeros, row * zerosPerRow + block, bits);
      numbers[row * columns + column] = scales[row * blocks + block]! * (q - zero);
    }
  }
  return rotation === undefined ? numbers : rotated(numbers, rotation);
}

/** Of 4 bits, the low half of a byte comes first. */
function integerAt(bytes: Uint8Array, index: number, bits: number): number {
  if (bits === 8) return bytes[index]!;
  const byte = bytes[index >> 1]!;
  return index % 2 === 0 ? byte & 15 : byte >> 4;
}

/** Each block of numbers multiplied with the Hadamard matrix, which is its own inverse. */
function rotated(source: Float32Array, size: number): Float32Array {
  const numbers = source.slice();
  for (let half = 1; half < size; half *= 2) {
    for (let at = 0; at < numbers.length; at += 1) {
      if ((at & half) !== 0) continue;
      const a = numbers[at]!;
      const b = numbers[at + half]!;
      numbers[at] = a + b;
      numbers[at + half] = a - b;
    }
  }
  return numbers.map((value) => value / Math.sqrt(size));
}

async function readPart({ filePath, startByte, endByte }: TensorInfo): Promise<Uint8Array> {
  const bytes = new Uint8Array(endByte - startByte);
  const file = await open(filePath, "r");
  try {
    await file.read(bytes, 0, bytes.length, startByte);
    return bytes;
  } finally {
    await file.close();
  }
}
