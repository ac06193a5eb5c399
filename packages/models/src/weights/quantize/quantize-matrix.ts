import { readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { blockBytes, blockCount, type BlockRows } from "../block-layout.ts";
import { decodeElements } from "../decode-elements.ts";
import { repackRows } from "../ggml/repack-rows.ts";
import type { TensorInfo } from "../stored-weight.ts";
import { quantizeRows } from "./quantize-rows.ts";
import type { PlannedMatrix, QuantizedMatrix } from "./quantized-file.ts";

/** Open files that a matrix is read from and written to. */
export interface MatrixFiles {
  readonly source: number;
  readonly target: number;
}

/** A number of the source is NaN or infinite, or its file ends before it. */
class UnusableMatrixError extends Error {
  override readonly name: string = "UnusableMatrixError";
}

const windowBytes = 4 * 2 ** 20;

/**
 * Quantizes one matrix from file to file, a window of rows at a time, and returns the checksum of what was written:
 * the CRC-32 of each tensor, combined by exclusive or. Blocks its thread.
 * @throws UnusableMatrixError
 */
export function quantizeMatrix(
  matrix: PlannedMatrix,
  files: MatrixFiles,
  onRows: (sourceBytes: number) => void,
): number {
  const { source, layout, weight } = matrix;
  const [rows = 0, columns = 0] = source.shape;
  const blocks = blockCount(columns, layout);
  const { startByte, endByte } = source.data;
  const rowBytes = (endByte - startByte) / rows;
  const windowRows = Math.max(1, Math.min(rows, Math.floor(windowBytes / rowBytes)));
  const sourceBytes = new Uint8Array(windowRows * rowBytes);
  const out: BlockRows = {
    data: new Uint8Array(windowRows * blocks * blockBytes(layout)),
    scales: new Float32Array(windowRows * blocks),
    minima: new Float32Array(layout.hasMinima ? windowRows * blocks : 0),
  };
  const parts = [
    partOf(weight.scales, out.scales, rows),
    ...(weight.minima === undefined ? [] : [partOf(weight.minima, out.minima, rows)]),
    partOf(weight.data, out.data, rows),
  ];
  for (let row = 0; row < rows; row += windowRows) {
    const count = Math.min(windowRows, rows - row);
    const bytes = sourceBytes.subarray(0, count * rowBytes);
    if (readSync(files.source, bytes, 0, bytes.length, startByte + row * rowBytes) < bytes.length) {
      throw new UnusableMatrixError("expected the whole tensor, got the end of its file");
    }
    writeBlocks(bytes, matrix, out);
    assertFinite(out, { firstRow: row, rows: count, blocks });
    for (const part of parts) {
      const written = part.bytes.subarray(0, count * part.rowBytes);
      part.checksum = crc32(written, part.checksum);
      writeFully(files.target, written, part.startByte + row * part.rowBytes);
    }
    onRows(bytes.length);
  }
  return parts.reduce((sum, { checksum }) => sum ^ checksum, 0) >>> 0;
}

/** One tensor of the target while it is written. */
interface WrittenPart {
  readonly bytes: Uint8Array;
  readonly rowBytes: number;
  readonly startByte: number;
  checksum: number;
}

function partOf(
  { startByte, endByte }: TensorInfo,
  { buffer, byteOffset, byteLength }: Uint8Array | Float32Array,
  rows: number,
): WrittenPart {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return { bytes, rowBytes: (endByte - startByte) / rows, startByte, checksum: 0 };
}

function writeBlocks(bytes: Uint8Array, { source, layout }: QuantizedMatrix, out: BlockRows): void {
  if (source.encoding === "packed") {
    repackRows(bytes, source.packing, out);
  } else {
    const [, columns = 0] = source.shape;
    quantizeRows(decodeElements(bytes, source.data.dtype), { columns, quantization: layout }, out);
  }
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

function writeFully(file: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
