import { crc32 } from "node:zlib";
import { blockBytes, blockCount, type BlockRows, zeroPointBytes } from "../block-layout.ts";
import type { TensorInfo } from "../stored-weight.ts";
import type { PlannedMatrix } from "./quantized-file.ts";
import { createRowReader, type OpenSource, sourceBytes } from "./row-readers.ts";
import { createColumnWriter, createRowWriter, type TensorWriter, writeFully } from "./tensor-writers.ts";

/** Open files that a matrix is read from and written to. */
export interface MatrixFiles {
  readonly openSource: OpenSource;
  readonly target: number;
}

/** A number of the source is NaN or infinite. */
class UnusableMatrixError extends Error {
  override readonly name: string = "UnusableMatrixError";
}

/**
 * Quantizes one matrix from file to file, a window of rows at a time, and returns the CRC-32 of each tensor that was
 * written, by name. Blocks its thread.
 * @throws UnusableMatrixError
 */
export function quantizeMatrix(
  matrix: PlannedMatrix,
  { openSource, target }: MatrixFiles,
  onRows: (sourceBytes: number) => void,
): readonly (readonly [tensorName: string, checksum: number])[] {
  const { source, layout, weight, columnOrder } = matrix;
  const [rows = 0, columns = 0] = source.shape;
  const blocks = blockCount(columns, layout);
  const reader = createRowReader(matrix, openSource);
  const { windowRows } = reader;
  const rowBytes = sourceBytes(source) / rows;
  const out: BlockRows = {
    data: new Uint8Array(windowRows * blocks * blockBytes(layout)),
    scales: new Float32Array(windowRows * blocks),
    minima: new Float32Array(layout.hasMinima ? windowRows * blocks : 0),
    zeroPoints: new Uint8Array(windowRows * zeroPointBytes(columns, layout)),
  };
  const partOf = (
    tensor: TensorInfo,
    { buffer, byteOffset, byteLength }: Uint8Array | Float32Array,
  ): WrittenPart => ({
    tensorName: tensor.name,
    rows: new Uint8Array(buffer, byteOffset, byteLength),
    rowBytes: byteLength / windowRows,
    writer: createRowWriter({ file: target, ...tensor }),
  });
  const data = partOf(weight.data, out.data);
  const isTransposed = weight.rotation !== undefined;
  const parts: readonly WrittenPart[] = [
    partOf(weight.scales, out.scales),
    ...(weight.minima === undefined ? [] : [partOf(weight.minima, out.minima)]),
    ...(weight.zeroPoints === undefined ? [] : [partOf(weight.zeroPoints, out.zeroPoints)]),
    isTransposed ? { ...data, writer: createColumnWriter({ file: target, ...weight.data }, columns) } : data,
  ];
  for (let row = 0; row < rows; row += windowRows) {
    const count = Math.min(windowRows, rows - row);
    reader.write(row, count, out);
    assertFinite(out, { firstRow: row, rows: count, blocks });
    for (const part of parts) part.writer.write(part.rows.subarray(0, count * part.rowBytes));
    onRows(count * rowBytes);
  }
  const checksums = parts.map(({ tensorName, writer }) => [tensorName, writer.finish()] as const);
  if (weight.columnOrder !== undefined && columnOrder !== undefined) {
    // Other matrices with the same order write the same bytes to the same place.
    const bytes = new Uint8Array(columnOrder.buffer, columnOrder.byteOffset, columnOrder.byteLength);
    writeFully(target, bytes, weight.columnOrder.startByte);
    checksums.push([weight.columnOrder.name, crc32(bytes)]);
  }
  return checksums;
}

/** Rows of one tensor of the target. */
interface WrittenPart {
  readonly tensorName: string;
  /** Those of one window. */
  readonly rows: Uint8Array;
  readonly rowBytes: number;
  readonly writer: TensorWriter;
}

function assertFinite(
  { scales, minima }: BlockRows,
  { firstRow, rows, blocks }: { readonly firstRow: number; readonly rows: number; readonly blocks: number },
): void {
  for (const numbers of [scales, minima]) {
    const end = Math.min(numbers.length, rows * blocks);
    for (let at = 0; at < end; at += 1) {
      if (Number.isFinite(numbers[at])) continue;
      const place = `row ${firstRow + Math.floor(at / blocks)}, block ${at % blocks}`;
      throw new UnusableMatrixError(`expected finite numbers, got NaN or infinity in ${place}`);
    }
  }
}
