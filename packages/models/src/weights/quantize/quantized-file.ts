import { createHash } from "node:crypto";
import { blockBytes, blockCount, zeroPointBytes, type BlockLayout } from "../block-layout.ts";
import { formatChecksums } from "./format-checksums.ts";
import type {
  BlockQuantizedWeight,
  DenseWeight,
  GroupedWeight,
  PackedWeight,
  TensorInfo,
} from "../stored-weight.ts";

/** A matrix that is to be written in blocks. */
export interface QuantizedMatrix {
  /** The name of the written weight. */
  readonly name: string;
  /**
   * What it is made of, `(rows, columns)`: numbers in F32, F16 or BF16, or blocks of GGUF or groups of columns, which
   * keep their numbers.
   */
  readonly source: DenseWeight | PackedWeight | GroupedWeight;
  readonly layout: BlockLayout;
  /** Which column of the source is at each place of a row. [their own order] */
  readonly columnOrder?: Int32Array | undefined;
}

/** What one matrix becomes. */
export interface PlannedMatrix extends QuantizedMatrix {
  readonly weight: BlockQuantizedWeight;
}

/** The tensors of a matrix in the order of the file. */
export function writtenTensors(weight: BlockQuantizedWeight): readonly TensorInfo[] {
  const { scales, minima, data, zeroPoints, columnOrder } = weight;
  return [scales, minima, data, zeroPoints, columnOrder].filter((tensor) => tensor !== undefined);
}

/** A safetensors file of quantized weights, laid out before it is written. */
export interface QuantizedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly matrices: readonly PlannedMatrix[];
  /** The bytes before the data, by the CRC-32 of each tensor; as long for all checksums. */
  header(checksums: ReadonlyMap<string, number>): Uint8Array;
}

const lengthBytes = 8;
const alignmentBytes = 4096;
/** Left free in the header: for what is added to the metadata, and for each matrix, beside three times its name. */
const metadataRoomBytes = 4096;
const copyRoomBytes = 500;

const sizes = { F32: 4, I32: 4, U8: 1, I8: 1 } as const;

/**
 * Lays out the file: for each matrix its scales and its minima, if it has some, `(rows, blocks)` of F32, and its
 * numbers, `(rows, blocks, blockSize · bits / 8)` of U8, or `(columns, rows)` of I8 where rows are rotated; then, where
 * there are some, orders of columns, each once, and zero points; and in its metadata what it was made from, and a CRC-32
 * of each. The header has room for copies that are appended later.
 */
export function planQuantizedFile(
  path: string,
  matrices: readonly QuantizedMatrix[],
  metadata: Readonly<Record<string, string>>,
): QuantizedFile {
  let offset = 0;
  const place = (name: string, dtype: keyof typeof sizes, shape: readonly number[]): TensorInfo => {
    const sizeBytes = shape.reduce((product, size) => product * size, sizes[dtype]);
    const tensor = { name, dtype, shape, filePath: path, startByte: offset, endByte: offset + sizeBytes };
    offset += sizeBytes;
    return tensor;
  };
  const orders = new Map<string, TensorInfo>();
  const placeOrder = (order: Int32Array): TensorInfo => {
    const key = createHash("sha256").update(order).digest("hex").slice(0, 16);
    const placed = orders.get(key) ?? place(`columns.${key}`, "I32", [order.length]);
    orders.set(key, placed);
    return placed;
  };
  const blocks = matrices.map(({ name, source, layout, columnOrder }): BlockQuantizedWeight => {
    const { bits, blockSize, rotation } = layout;
    const [rows = 0, columns = 0] = source.shape;
    const count = blockCount(columns, layout);
    return {
      encoding: "block-quantized",
      shape: source.shape,
      bits,
      blockSize,
      scales: place(`${name}.scales`, "F32", [rows, count]),
      ...(layout.hasMinima && { minima: place(`${name}.minima`, "F32", [rows, count]) }),
      data:
        rotation === undefined
          ? place(`${name}.q`, "U8", [rows, count, blockBytes(layout)])
          : place(`${name}.q`, "I8", [columns, rows]),
      ...(rotation !== undefined && { rotation }),
      ...(columnOrder && { columnOrder: placeOrder(columnOrder) }),
    };
  });
  // Behind the rest, whose sizes are multiples of 4: all numbers of 4 bytes are aligned.
  const relative = matrices.map(({ name, source, layout }, index): BlockQuantizedWeight => {
    const [rows = 0, columns = 0] = source.shape;
    const bytes = zeroPointBytes(columns, layout);
    return {
      ...blocks[index]!,
      ...(bytes > 0 && { zeroPoints: place(`${name}.zeros`, "U8", [rows, bytes]) }),
    };
  });
  const byName = new Map(relative.flatMap(writtenTensors).map((tensor) => [tensor.name, tensor]));
  const tensors = [...byName.values()].toSorted((a, b) => a.startByte - b.startByte);
  const room = matrices.reduce(
    (sum, { name }) => sum + copyRoomBytes + 3 * Buffer.byteLength(name),
    metadataRoomBytes,
  );
  const header = (checksums: ReadonlyMap<string, number>): Uint8Array => {
    const sums = formatChecksums(tensors.map(({ name }) => checksums.get(name) ?? 0));
    const entries = tensors.map(({ name, dtype, shape, startByte, endByte }) => [
      name,
      { dtype, shape, data_offsets: [startByte, endByte] },
    ]);
    const json = { __metadata__: { ...metadata, checksums: sums }, ...Object.fromEntries(entries) };
    const text = new TextEncoder().encode(JSON.stringify(json));
    const padded = Math.ceil((lengthBytes + text.length + room) / alignmentBytes) * alignmentBytes;
    const bytes = new Uint8Array(padded).fill(0x20);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(padded - lengthBytes), true);
    bytes.set(text, lengthBytes);
    return bytes;
  };
  const dataStart = header(new Map()).length;
  const shift = (tensor: TensorInfo): TensorInfo => ({
    ...tensor,
    startByte: tensor.startByte + dataStart,
    endByte: tensor.endByte + dataStart,
  });
  const shiftAll = (weight: BlockQuantizedWeight): BlockQuantizedWeight => {
    const { minima, zeroPoints, columnOrder } = weight;
    return {
      ...weight,
      data: shift(weight.data),
      scales: shift(weight.scales),
      ...(minima && { minima: shift(minima) }),
      ...(zeroPoints && { zeroPoints: shift(zeroPoints) }),
      ...(columnOrder && { columnOrder: shift(columnOrder) }),
    };
  };
  return {
    path,
    sizeBytes: dataStart + offset,
    matrices: matrices.map((matrix, index) => ({ ...matrix, weight: shiftAll(relative[index]!) })),
    header,
  };
}
