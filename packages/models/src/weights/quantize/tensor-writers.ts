import { readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { ByteRange } from "../stored-weight.ts";
import { transposeBytes } from "./transpose-bytes.ts";

/** Writes one tensor of a file while its rows are made. */
export interface TensorWriter {
  /** Takes rows, from the first to the last; they may change afterwards. */
  write(rows: Uint8Array): void;
  /** Writes what is left, and returns the CRC-32 of the tensor. */
  finish(): number;
}

/** Bytes of a file that can be read and written. */
interface OpenRange extends Pick<ByteRange, "startByte" | "endByte"> {
  readonly file: number;
}

/** Writes rows one after the other. */
export function createRowWriter({ file, startByte }: OpenRange): TensorWriter {
  let position = startByte;
  let checksum = 0;
  return {
    write(rows) {
      checksum = crc32(rows, checksum);
      writeFully(file, rows, position);
      position += rows.length;
    },
    finish: () => checksum,
  };
}

/** Rows are collected up to this size: the parts of a column that are written at once are long. */
const collectedBytes: number = 16 * 2 ** 20;

/** Writes rows of bytes as a matrix `(columns, rows)`. */
export function createColumnWriter(
  { file, startByte, endByte }: OpenRange,
  columns: number,
  maxBytes: number = collectedBytes,
): TensorWriter {
  const rows = (endByte - startByte) / columns;
  const stripRows = Math.max(1, Math.min(rows, Math.floor(maxBytes / columns)));
  const strip = new Uint8Array(stripRows * columns);
  let firstRow = 0;
  let collected = 0;
  let checksum = 0;
  const flush = (): void => {
    if (collected === rows) {
      checksum = crc32(strip);
      writeFully(file, strip, startByte);
    } else {
      for (let column = 0; column < columns; column += 1) {
        const part = strip.subarray(column * stripRows, column * stripRows + collected);
        writeFully(file, part, startByte + column * rows + firstRow);
      }
    }
    firstRow += collected;
    collected = 0;
  };
  return {
    write(bytes) {
      const count = bytes.length / columns;
      for (let done = 0; done < count;) {
        const taken = Math.min(stripRows - collected, count - done);
        const part = bytes.subarray(done * columns, (done + taken) * columns);
        transposeBytes(part, columns, { into: strip, columnBytes: stripRows, firstRow: collected });
        done += taken;
        collected += taken;
        if (collected === stripRows) flush();
      }
    },
    finish() {
      if (collected > 0) flush();
      // Written in parts of columns, whose order is not that of the bytes.
      return stripRows === rows ? checksum : checksumOf({ file, startByte, endByte }, strip);
    },
  };
}

function checksumOf({ file, startByte, endByte }: OpenRange, buffer: Uint8Array): number {
  let checksum = 0;
  for (let at = startByte; at < endByte;) {
    const count = readSync(file, buffer, 0, Math.min(buffer.length, endByte - at), at);
    if (count === 0) throw new Error(`expected the written tensor, got the end of its file at byte ${at}`);
    checksum = crc32(buffer.subarray(0, count), checksum);
    at += count;
  }
  return checksum;
}

/** Writes all of it, in as many calls as the system needs. */
export function writeFully(file: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
