import type { HalfNumbers } from "../decode-elements.ts";
import { writeModule, type FunctionWriter } from "./assembler.ts";
import { decodeBfloat16, decodeFloat16 } from "./decode-halves.ts";
import { rotateBlocks } from "./rotate-blocks.ts";
import { writeByteBlocks } from "./write-bytes.ts";
import { writeNibbleBlocks } from "./write-nibbles.ts";

type FunctionName =
  | "decodeBfloat16"
  | "decodeFloat16"
  | "rotate16"
  | "rotate32"
  | "rotate64"
  | "writeByteBlocks"
  | "writeNibbleBlocks";

const createFunctions = (): Readonly<Record<FunctionName, FunctionWriter>> => ({
  decodeBfloat16: decodeBfloat16(),
  decodeFloat16: decodeFloat16(),
  rotate16: rotateBlocks(16),
  rotate32: rotateBlocks(32),
  rotate64: rotateBlocks(64),
  writeByteBlocks: writeByteBlocks(),
  writeNibbleBlocks: writeNibbleBlocks(),
});

/** What this uses of WebAssembly, which the types of Node.js leave out. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: unknown;
  };
};

interface Exports extends Readonly<Record<FunctionName, (...parameters: readonly number[]) => void>> {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
}

const pageBytes = 2 ** 16;

/** Compiled loops over rows of numbers that are held in their memory. */
export class RowKernels {
  readonly #exports: Exports;

  constructor() {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(writeModule(createFunctions())));
    this.#exports = exports as Exports;
  }

  /** Takes over whole rows; each is filled up with zeros to `width`. */
  load(rows: Float32Array | HalfNumbers, columns: number, width: number): LoadedRows {
    const values = rows instanceof Float32Array ? rows : rows.halves;
    const count = (values.length / columns) * width;
    const kernels = this.#exports;
    // Float32, halves, bytes, and at most a scale for each 16 numbers.
    const missing = count * (4 + 2 + 1 + 0.25) - kernels.memory.buffer.byteLength;
    if (missing > 0) kernels.memory.grow(Math.ceil(missing / pageBytes));
    const { buffer } = kernels.memory;
    if (rows instanceof Float32Array) {
      copyRows(rows, new Float32Array(buffer, 0, count), { columns, width });
    } else {
      copyRows(rows.halves, new Uint16Array(buffer, 4 * count, count), { columns, width });
      const decode = rows.dtype === "F16" ? kernels.decodeFloat16 : kernels.decodeBfloat16;
      decode(4 * count, 0, 4 * count);
    }
    return new LoadedRows(kernels, count);
  }
}

function copyRows<Numbers extends Float32Array | Uint16Array>(
  from: Numbers,
  to: Numbers,
  { columns, width }: { readonly columns: number; readonly width: number },
): void {
  if (columns === width) {
    to.set(from);
    return;
  }
  to.fill(0);
  for (let row = 0; row * columns < from.length; row += 1) {
    to.set(from.subarray(row * columns, (row + 1) * columns), row * width);
  }
}

/** Rows in the memory of kernels, until others are loaded. */
class LoadedRows {
  readonly #kernels: Exports;
  readonly #count: number;

  constructor(kernels: Exports, count: number) {
    this.#kernels = kernels;
    this.#count = count;
  }

  /** Multiplies each block of 16, 32 or 64 numbers with the Hadamard matrix, divided by the root of its size. */
  rotate(size: number): void {
    const end = 4 * this.#count;
    if (size === 64) this.#kernels.rotate64(0, end);
    else if (size === 32) this.#kernels.rotate32(0, end);
    else this.#kernels.rotate16(0, end);
  }

  /**
   * Makes bytes, with their sign bit flipped or not, and a scale for each block: see `writeByteBlocks`.
   */
  toBytes(blockSize: number, flippedBits: number): WrittenBlocks {
    const written = this.#place(blockSize, 1);
    const { data, scales } = written;
    const end = 4 * this.#count;
    this.#kernels.writeByteBlocks(0, end, 4 * blockSize, data.byteOffset, scales.byteOffset, flippedBits);
    return written;
  }

  /** Makes integers of 4 bits, two in a byte, and a scale and a zero point for each block: see `writeNibbleBlocks`. */
  toNibbles(blockSize: number): WrittenBlocks & { readonly zeroPoints: Uint8Array } {
    const written = this.#place(blockSize, 0.5);
    const { data, scales } = written;
    const { buffer, byteOffset, byteLength } = data;
    const zeroPoints = new Uint8Array(buffer, byteOffset + byteLength, scales.length);
    this.#kernels.writeNibbleBlocks(
      0,
      4 * this.#count,
      4 * blockSize,
      byteOffset,
      scales.byteOffset,
      zeroPoints.byteOffset,
    );
    return { ...written, zeroPoints };
  }

  #place(blockSize: number, bytesPerNumber: number): WrittenBlocks {
    const count = this.#count;
    const { buffer } = this.#kernels.memory;
    return {
      data: new Uint8Array(buffer, 6 * count, bytesPerNumber * count),
      scales: new Float32Array(buffer, 7 * count, count / blockSize),
    };
  }
}

/** Views, until other rows are loaded. */
interface WrittenBlocks {
  readonly data: Uint8Array;
  readonly scales: Float32Array;
}
