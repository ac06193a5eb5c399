import { readSync } from "node:fs";
import type { BlockLayout, BlockRows } from "../block-layout.ts";
import { decodeElements, type HalfNumbers } from "../decode-elements.ts";
import { unpackPairs } from "../ggml/mxfp4-blocks.ts";
import { repackRows } from "../ggml/repack-rows.ts";
import { GroupedRows } from "../grouped/grouped-rows.ts";
import { layoutOfGroups } from "../grouped/grouped-layout.ts";
import { tensorsOf } from "../stored-weight.ts";
import type { DenseWeight, GroupedWeight, PackedWeight, TensorInfo } from "../stored-weight.ts";
import { quantizeRows } from "./quantize-rows.ts";
import type { QuantizedMatrix } from "./quantized-file.ts";

/** Reads rows of a matrix and writes them in blocks. */
export interface RowReader {
  /** Rows that are read at a time. */
  readonly windowRows: number;
  /** Reads rows from one on, a multiple of `windowRows`, and writes their blocks. */
  write(firstRow: number, rowCount: number, out: BlockRows): void;
}

/** Opens a file of the checkpoint. */
export type OpenSource = (path: string) => number;

const windowBytes = 4 * 2 ** 20;
/** Integers of a group are bytes while they are read. */
const windowIntegers = 2 * 2 ** 20;
/** Whole words begin there, whatever the bits of their integers. */
const rowsOfWords = 32;

/** Creates the reader of a matrix, by how it is stored. */
export function createRowReader({ source, layout }: QuantizedMatrix, openSource: OpenSource): RowReader {
  const read = (tensor: TensorInfo, into: Uint8Array, position: number): void => {
    if (readSync(openSource(tensor.filePath), into, 0, into.length, position) === into.length) return;
    throw new Error(`expected the whole tensor, got the end of its file`);
  };
  if (source.encoding === "grouped") return readGroups(source, layout, read);
  if (source.encoding === "packed" && source.scales !== undefined) {
    return readPairs(source, source.scales, read);
  }
  const isTransposed = source.encoding === "dense" && source.isTransposed === true;
  return isTransposed ? readColumns(source, layout, read) : readLines(source, layout, read);
}

type Read = (tensor: TensorInfo, into: Uint8Array, position: number) => void;

function readGroups(source: GroupedWeight, layout: BlockLayout, read: Read): RowReader {
  const [rows = 0, columns = 0] = source.shape;
  const windowRows = rowsOfWords * Math.max(1, Math.floor(windowIntegers / columns / rowsOfWords));
  const { isExact } = layoutOfGroups(source);
  const groups = new GroupedRows(source, read);
  return {
    windowRows: Math.min(rows, windowRows),
    write(firstRow, rowCount, out) {
      groups.load(firstRow, rowCount);
      if (isExact) groups.writeBlocks(layout, out);
      else quantizeRows(groups.dequantize(), { columns, quantization: layout }, out);
    },
  };
}

/** Reads a matrix whose rows are one after the other in one tensor. */
function readLines(source: DenseWeight | PackedWeight, layout: BlockLayout, read: Read): RowReader {
  const [rows = 0, columns = 0] = source.shape;
  const rowBytes = sourceBytes(source) / rows;
  const windowRows = Math.max(1, Math.min(rows, Math.floor(windowBytes / rowBytes)));
  const window = new Uint8Array(windowRows * rowBytes);
  return {
    windowRows,
    write(firstRow, rowCount, out) {
      const bytes = window.subarray(0, rowCount * rowBytes);
      read(source.data, bytes, source.data.startByte + firstRow * rowBytes);
      if (source.encoding === "packed") repackRows(bytes, source.packing, out);
      else quantizeRows(numbersOf(bytes, source.data), { columns, quantization: layout }, out);
    },
  };
}

/** Reads a matrix whose columns are one after the other: of each, the part of some rows. */
function readColumns(source: DenseWeight, layout: BlockLayout, read: Read): RowReader {
  const [rows = 0, columns = 0] = source.shape;
  const { data } = source;
  const numberBytes = sourceBytes(source) / rows / columns;
  const windowRows = Math.max(1, Math.min(rows, Math.floor(windowBytes / columns / numberBytes)));
  // Numbers of two or of four bytes.
  const Numbers = numberBytes === 2 ? Uint16Array : Uint32Array;
  const ofColumn = new Numbers(windowRows);
  const window = new Numbers(windowRows * columns);
  return {
    windowRows,
    write(firstRow, rowCount, out) {
      const bytes = new Uint8Array(ofColumn.buffer, 0, rowCount * numberBytes);
      for (let column = 0; column < columns; column += 1) {
        read(data, bytes, data.startByte + (column * rows + firstRow) * numberBytes);
        for (let row = 0; row < rowCount; row += 1) window[row * columns + column] = ofColumn[row]!;
      }
      const found = new Uint8Array(window.buffer, 0, rowCount * columns * numberBytes);
      quantizeRows(numbersOf(found, data), { columns, quantization: layout }, out);
    },
  };
}

/** Reads a matrix in blocks whose scales are another tensor. */
function readPairs(source: PackedWeight, scales: TensorInfo, read: Read): RowReader {
  const [rows = 0] = source.shape;
  const [rowBytes, exponentBytes] = [source.data, scales].map(
    ({ startByte, endByte }) => (endByte - startByte) / rows,
  ) as [number, number];
  const windowRows = Math.max(1, Math.min(rows, Math.floor(windowBytes / rowBytes)));
  const numbers = new Uint8Array(windowRows * rowBytes);
  const exponents = new Uint8Array(windowRows * exponentBytes);
  return {
    windowRows,
    write(firstRow, rowCount, out) {
      const numberPart = numbers.subarray(0, rowCount * rowBytes);
      const exponentPart = exponents.subarray(0, rowCount * exponentBytes);
      read(source.data, numberPart, source.data.startByte + firstRow * rowBytes);
      read(scales, exponentPart, scales.startByte + firstRow * exponentBytes);
      unpackPairs(numberPart, exponentPart, out);
    },
  };
}

function numbersOf(bytes: Uint8Array, { dtype }: TensorInfo): Float32Array | HalfNumbers {
  if (dtype !== "F16" && dtype !== "BF16") return decodeElements(bytes, dtype);
  return { dtype, halves: new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2) };
}

/** Bytes that a matrix is stored in. */
export function sourceBytes(source: QuantizedMatrix["source"]): number {
  return tensorsOf(source).reduce((sum, tensor) => sum + tensor.endByte - tensor.startByte, 0);
}
