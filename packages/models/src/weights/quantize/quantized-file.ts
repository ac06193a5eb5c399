import { blockBytes, blockCount, type BlockLayout } from "../block-layout.ts";
import type { BlockQuantizedWeight, DenseWeight, PackedWeight, TensorInfo } from "../stored-weight.ts";

/** A matrix that is to be written in blocks. */
export interface QuantizedMatrix {
  /** The name of the written weight. */
  readonly name: string;
  /** What it is made of, `(rows, columns)`: numbers in F32, F16 or BF16, or blocks of GGUF, which keep their numbers. */
  readonly source: DenseWeight | PackedWeight;
  readonly layout: BlockLayout;
}

/** What one matrix becomes. */
export interface PlannedMatrix extends QuantizedMatrix {
  readonly weight: BlockQuantizedWeight;
}

/** The tensors of a matrix in the order of the file. */
export function writtenTensors({ scales, minima, data }: BlockQuantizedWeight): readonly TensorInfo[] {
  return minima === undefined ? [scales, data] : [scales, minima, data];
}

/** A safetensors file of quantized weights, laid out before it is written. */
export interface QuantizedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly matrices: readonly PlannedMatrix[];
  /** The bytes before the data; as long for every list of checksums. */
  header(checksums: readonly number[]): Uint8Array;
}

const lengthBytes = 8;
const alignmentBytes = 64;

/**
 * Lays out the file: for each matrix its scales and its minima, if it has some, `(rows, blocks)` of F32, and its
 * numbers, `(rows, blocks, blockSize · bits / 8)` of U8; and in its metadata what it was made from, and a CRC-32 of all.
 */
export function planQuantizedFile(
  path: string,
  matrices: readonly QuantizedMatrix[],
  metadata: Readonly<Record<string, string>>,
): QuantizedFile {
  let offset = 0;
  const place = (name: string, dtype: "F32" | "U8", shape: readonly number[]): TensorInfo => {
    const sizeBytes = shape.reduce((product, size) => product * size, dtype === "F32" ? 4 : 1);
    const tensor = { name, dtype, shape, filePath: path, startByte: offset, endByte: offset + sizeBytes };
    offset += sizeBytes;
    return tensor;
  };
  const relative = matrices.map((matrix) => {
    const { name, source, layout } = matrix;
    const [rows = 0, columns = 0] = source.shape;
    const blocks = blockCount(columns, layout);
    const scales = place(`${name}.scales`, "F32", [rows, blocks]);
    const minima = layout.hasMinima ? { minima: place(`${name}.minima`, "F32", [rows, blocks]) } : {};
    const data = place(`${name}.q`, "U8", [rows, blocks, blockBytes(layout)]);
    const { bits, blockSize } = layout;
    const encoding = "block-quantized" as const;
    return { matrix, weight: { encoding, shape: source.shape, bits, blockSize, data, scales, ...minima } };
  });
  const tensors = relative.flatMap(({ weight }) => writtenTensors(weight));
  const header = (checksums: readonly number[]): Uint8Array => {
    const sums = checksums.map((sum) => sum.toString(16).padStart(8, "0")).join("");
    const entries = tensors.map(({ name, dtype, shape, startByte, endByte }) => [
      name,
      { dtype, shape, data_offsets: [startByte, endByte] },
    ]);
    const json = { __metadata__: { ...metadata, checksums: sums }, ...Object.fromEntries(entries) };
    const text = new TextEncoder().encode(JSON.stringify(json));
    const padded = Math.ceil((lengthBytes + text.length) / alignmentBytes) * alignmentBytes;
    const bytes = new Uint8Array(padded).fill(0x20);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(padded - lengthBytes), true);
    bytes.set(text, lengthBytes);
    return bytes;
  };
  const dataStart = header(matrices.map(() => 0)).length;
  const shift = (tensor: TensorInfo): TensorInfo => ({
    ...tensor,
    startByte: tensor.startByte + dataStart,
    endByte: tensor.endByte + dataStart,
  });
  return {
    path,
    sizeBytes: dataStart + offset,
    matrices: relative.map(({ matrix: { name, source, layout }, weight }) => {
      const minima = weight.minima === undefined ? {} : { minima: shift(weight.minima) };
      const placed = { ...weight, data: shift(weight.data), scales: shift(weight.scales), ...minima };
      return { name, source, layout, weight: placed };
    }),
    header,
  };
}
