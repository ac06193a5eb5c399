import { blockCount, type BlockLayout, type BlockRows } from "../block-layout.ts";
import type { HalfNumbers } from "../decode-elements.ts";
import { RowKernels } from "../kernels/row-kernels.ts";

/** Numbers that are quantized at a time: with what they become, they stay in the cache of a processor. */
const chunkNumbers = 2 ** 16;
const signBit = 128;

/** Compiled when they are needed. */
let kernels: RowKernels | undefined;

/** Quantizes whole rows of `columns` numbers to 8 bits; rotates them before, where the layout says so. */
export function quantizeToBytes(
  numbers: Float32Array | HalfNumbers,
  {
    columns,
    quantization,
  }: { readonly columns: number; readonly quantization: Omit<BlockLayout, "hasMinima"> },
  out: Pick<BlockRows, "data" | "scales">,
): void {
  kernels ??= new RowKernels();
  const { blockSize, rotation } = quantization;
  const blocks = blockCount(columns, quantization);
  const width = blocks * blockSize;
  const step = columns * Math.max(1, Math.floor(chunkNumbers / width));
  const { length } = numbers instanceof Float32Array ? numbers : numbers.halves;
  for (let start = 0; start < length; start += step) {
    const part = slice(numbers, start, Math.min(length, start + step));
    const rows = kernels.load(part, columns, width);
    if (rotation !== undefined) rows.rotate(rotation);
    const { data, scales } = rows.toBytes(blockSize, rotation === undefined ? signBit : 0);
    const firstBlock = (start / columns) * blocks;
    out.data.set(data, firstBlock * blockSize);
    out.scales.set(scales, firstBlock);
  }
}

function slice(numbers: Float32Array | HalfNumbers, start: number, end: number): Float32Array | HalfNumbers {
  if (numbers instanceof Float32Array) return numbers.subarray(start, end);
  return { ...numbers, halves: numbers.halves.subarray(start, end) };
}
