import type { BlockQuantizedWeight, TensorInfo } from "../stored-weight.ts";
import { blockBytes, blockCount, type Quantization } from "./quantize-rows.ts";

/** A matrix that is to be quantized. */
export interface QuantizedMatrix {
  /** The name of the quantized weight. */
  readonly name: string;
  /** What it is made of: F32, F16 or BF16, `(rows, columns)`. */
  readonly source: TensorInfo;
}

/** What one matrix becomes. */
export interface PlannedMatrix extends QuantizedMatrix {
  readonly weight: BlockQuantizedWeight;
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
 * Lays out the file: for each matrix its scales, `(rows, blocks)` of F32, and its numbers,
 * `(rows, blocks, blockSize · bits / 8)` of U8; and in its metadata what it was made from, and a CRC-32 of the two.
 */
export function planQuantizedFile(
  path: string,
  matrices: readonly QuantizedMatrix[],
  options: { readonly quantization: Quantization; readonly metadata: Readonly<Record<string, string>> },
): QuantizedFile {
  const { quantization, metadata } = options;
  const { bits, blockSize } = quantization;
  let offset = 0;
  const place = (name: string, dtype: "F32" | "U8", shape: readonly number[]): TensorInfo => {
    const sizeBytes = shape.reduce((product, size) => product * size, dtype === "F32" ? 4 : 1);
    const tensor = { name, dtype, shape, filePath: path, startByte: offset, endByte: offset + sizeBytes };
    offset += sizeBytes;
    return tensor;
  };
  const relative = matrices.map(({ name, source }) => {
    const [rows = 0, columns = 0] = source.shape;
    const blocks = blockCount(columns, quantization);
    const scales = place(`${name}.scales`, "F32", [rows, blocks]);
    const data = place(`${name}.q`, "U8", [rows, blocks, blockBytes(quantization)]);
    return { name, source, scales, data };
  });
  const tensors = relative.flatMap(({ scales, data }) => [scales, data]);
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
    matrices: relative.map(({ name, source, scales, data }) => ({
      name,
      source,
      weight: {
        encoding: "block-quantized",
        shape: source.shape,
        bits,
        blockSize,
        data: shift(data),
        scales: shift(scales),
      },
    })),
    header,
  };
}
