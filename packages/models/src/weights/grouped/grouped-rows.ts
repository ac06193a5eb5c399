import type { BlockLayout, BlockRows } from "../block-layout.ts";
import { blockCount, zeroPointBytes } from "../block-layout.ts";
import { decodeElements } from "../decode-elements.ts";
import type { GroupedWeight, TensorInfo, WordPacking } from "../stored-weight.ts";
import { dtypeSizeBytes } from "../tensor-dtype.ts";
import { layoutOfGroups } from "./grouped-layout.ts";
import { unpackIntegers, wordCount } from "./unpack-integers.ts";

/** Reads bytes of a tensor from a byte of its file on. */
export type ReadTensor = (tensor: TensorInfo, into: Uint8Array, position: number) => void;

/** Some rows of a tensor. */
interface RowRange {
  readonly first: number;
  readonly count: number;
  readonly columns: number;
  /** Whether the tensor is stored as `(columns, rows)`. */
  readonly isTransposed: boolean;
}

/** Rows of a weight in groups, read a window at a time. */
export class GroupedRows {
  readonly #weight: GroupedWeight;
  readonly #read: ReadTensor;
  readonly #columns: number;
  readonly #groupCount: number;
  readonly #columnOrder: Int32Array | undefined;
  #q: Uint8Array = new Uint8Array();
  #scales: Float32Array = new Float32Array();
  #zeroPoints: Uint8Array = new Uint8Array();

  constructor(weight: GroupedWeight, read: ReadTensor) {
    this.#weight = weight;
    this.#read = read;
    this.#columns = weight.shape[1] ?? 0;
    this.#groupCount = this.#columns / weight.groupSize;
    this.#columnOrder = layoutOfGroups(weight).columnOrder;
  }

  /** Reads rows, of which the first must be a multiple of 32: there words begin. */
  load(firstRow: number, rowCount: number): void {
    const { data, dataPacking, zeroPoints, zeroPointPacking, bits } = this.#weight;
    const rows = { firstRow, rowCount };
    this.#q = this.#unpack(data, dataPacking, { ...rows, columns: this.#columns });
    this.#scales = this.#readScales(rows);
    const groups = { ...rows, columns: this.#groupCount };
    this.#zeroPoints =
      zeroPoints === undefined
        ? new Uint8Array(rowCount * this.#groupCount).fill(2 ** (bits - 1))
        : this.#unpack(zeroPoints, zeroPointPacking, groups);
  }

  /** Writes what was read in blocks, with the same numbers. */
  writeBlocks(layout: BlockLayout, out: BlockRows): void {
    const { groupSize, bits } = this.#weight;
    const columns = this.#columns;
    const blocks = blockCount(columns, layout);
    const rowCount = this.#q.length / columns;
    const zeroBytes = zeroPointBytes(columns, layout);
    // Blocks without zero points have one in the middle of their own range.
    const shift = zeroBytes === 0 ? 2 ** (layout.bits - 1) - 2 ** (bits - 1) : 0;
    out.zeroPoints.fill(0);
    for (let row = 0; row < rowCount; row += 1) {
      for (let block = 0; block < blocks; block += 1) {
        const group = row * this.#groupCount + Math.floor((block * layout.blockSize) / groupSize);
        out.scales[row * blocks + block] = this.#scales[group]!;
        if (zeroBytes === 0) continue;
        const zeroPoint = this.#zeroPoints[group]!;
        if (layout.bits === 8) out.zeroPoints[row * zeroBytes + block] = zeroPoint;
        else out.zeroPoints[row * zeroBytes + (block >> 1)]! |= zeroPoint << (4 * (block & 1));
      }
      this.#writeRow(
        row,
        { shift, bits: layout.bits, rowBytes: (blocks * layout.blockSize * layout.bits) / 8 },
        out.data,
      );
    }
  }

  /** The numbers that were read. */
  dequantize(): Float32Array {
    const { groupSize, columnGroups } = this.#weight;
    const columns = this.#columns;
    const values = new Float32Array(this.#q.length);
    for (let start = 0, groups = 0; start < values.length; start += columns, groups += this.#groupCount) {
      for (let column = 0; column < columns; column += 1) {
        const group = groups + (columnGroups?.[column] ?? Math.floor(column / groupSize));
        values[start + column] = this.#scales[group]! * (this.#q[start + column]! - this.#zeroPoints[group]!);
      }
    }
    return values;
  }

  #writeRow(
    row: number,
    { shift, bits, rowBytes }: { readonly shift: number; readonly bits: number; readonly rowBytes: number },
    out: Uint8Array,
  ): void {
    const columns = this.#columns;
    const q = this.#q.subarray(row * columns, (row + 1) * columns);
    const order = this.#columnOrder;
    const numberAt = (place: number): number => q[order === undefined ? place : order[place]!]! + shift;
    let byte = row * rowBytes;
    out.fill(0, byte, byte + rowBytes);
    if (bits === 8) {
      for (let place = 0; place < columns; place += 1) out[byte + place] = numberAt(place);
      return;
    }
    const pairs = columns & ~1;
    for (let place = 0; place < pairs; place += 2, byte += 1) {
      out[byte] = numberAt(place) | (numberAt(place + 1) << 4);
    }
    if (pairs < columns) out[byte] = numberAt(pairs);
  }

  #unpack(
    tensor: TensorInfo,
    packing: WordPacking,
    {
      firstRow,
      rowCount,
      columns,
    }: { readonly firstRow: number; readonly rowCount: number; readonly columns: number },
  ): Uint8Array {
    const { bits } = this.#weight;
    const isByRows = packing.axis === "rows";
    const rows = isByRows
      ? { first: (firstRow * bits) / 32, count: wordCount(rowCount, bits) }
      : { first: firstRow, count: rowCount };
    const bytes = this.#readRows(tensor, {
      ...rows,
      columns: isByRows ? columns : wordCount(columns, bits),
      isTransposed: packing.isTransposed,
    });
    const out = new Uint8Array(rowCount * columns);
    unpackIntegers(new Uint32Array(bytes.buffer), { rows: rowCount, columns, bits, packing }, out);
    return out;
  }

  #readScales({
    firstRow,
    rowCount,
  }: {
    readonly firstRow: number;
    readonly rowCount: number;
  }): Float32Array {
    const { scales, areScalesTransposed } = this.#weight;
    const groups = this.#groupCount;
    const bytes = this.#readRows(scales, {
      first: firstRow,
      count: rowCount,
      columns: groups,
      isTransposed: areScalesTransposed,
    });
    const values = decodeElements(bytes, scales.dtype);
    if (!areScalesTransposed) return values;
    return Float32Array.from(values, (_, at) => values[(at % groups) * rowCount + Math.floor(at / groups)]!);
  }

  /** Reads rows of a tensor of so many columns, in the order of the file. */
  #readRows(tensor: TensorInfo, { first, count, columns, isTransposed }: RowRange): Uint8Array {
    const size = dtypeSizeBytes(tensor.dtype);
    const rowBytes = columns * size;
    const bytes = new Uint8Array(count * rowBytes);
    if (!isTransposed) {
      this.#read(tensor, bytes, tensor.startByte + first * rowBytes);
      return bytes;
    }
    const lineBytes = (tensor.shape[1] ?? 0) * size;
    const partBytes = count * size;
    for (let line = 0; line < columns; line += 1) {
      const part = bytes.subarray(line * partBytes, (line + 1) * partBytes);
      this.#read(tensor, part, tensor.startByte + line * lineBytes + first * size);
    }
    return bytes;
  }
}
