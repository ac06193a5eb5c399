import { readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { decodeElements } from "../decode-elements.ts";
import { dtypeSizeBytes } from "../tensor-dtype.ts";
import { blockBytes, blockCount, quantizeRows } from "./quantize-rows.ts";
import type { PlannedMatrix } from "./quantized-file.ts";

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
 * Quantizes one matrix from file to file, a window of rows at a time, and returns the CRC-32 of what was written:
 * all scales, then all numbers. Blocks its thread.
 * @throws UnusableMatrixError
 */
export function quantizeMatrix(
  { source, weight }: PlannedMatrix,
  files: MatrixFiles,
  onRows: (sourceBytes: number) => void,
): number {
  const { bits, blockSize, data, scales } = weight;
  const quantization = { bits: bits === 4 ? 4 : 8, blockSize } as const;
  const [rows = 0, columns = 0] = source.shape;
  const blocks = blockCount(columns, quantization);
  const rowBytes = columns * dtypeSizeBytes(source.dtype);
  const windowRows = Math.max(1, Math.min(rows, Math.floor(windowBytes / rowBytes)));
  const sourceBytes = new Uint8Array(windowRows * rowBytes);
  const outData = new Uint8Array(windowRows * blocks * blockBytes(quantization));
  const outScales = new Float32Array(windowRows * blocks);
  const scaleBytes = new Uint8Array(outScales.buffer);
  let scalesChecksum = 0;
  let dataChecksum = 0;
  for (let row = 0; row < rows; row += windowRows) {
    const count = Math.min(windowRows, rows - row);
    const bytes = sourceBytes.subarray(0, count * rowBytes);
    if (readSync(files.source, bytes, 0, bytes.length, source.startByte + row * rowBytes) < bytes.length) {
      throw new UnusableMatrixError("expected the whole tensor, got the end of its file");
    }
    quantizeRows(
      decodeElements(bytes, source.dtype),
      { columns, quantization },
      { data: outData, scales: outScales },
    );
    const scaleCount = count * blocks;
    for (let at = 0; at < scaleCount; at += 1) {
      if (!Number.isFinite(outScales[at])) {
        const place = `row ${row + Math.floor(at / blocks)}, block ${at % blocks}`;
        throw new UnusableMatrixError(`expected finite numbers, got NaN or infinity in ${place}`);
      }
    }
    const ownScales = scaleBytes.subarray(0, scaleCount * 4);
    const ownData = outData.subarray(0, scaleCount * blockBytes(quantization));
    scalesChecksum = crc32(ownScales, scalesChecksum);
    dataChecksum = crc32(ownData, dataChecksum);
    writeFully(files.target, ownScales, scales.startByte + row * blocks * 4);
    writeFully(files.target, ownData, data.startByte + row * blocks * blockBytes(quantization));
    onRows(bytes.length);
  }
  return (scalesChecksum ^ dataChecksum) >>> 0;
}

function writeFully(file: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
