import { readFile, writeFile } from "node:fs/promises";
import type { StoredWeight, TensorInfo } from "@infernode/models";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";

/** Writes what quantized weights stand for as float32 to a file, so that the dense path computes the reference. */
export async function dequantize(model: ExecutorModel, filePath: string): Promise<ExecutorModel> {
  const parts: Float32Array[] = [];
  const dense = new Map<string, StoredWeight>();
  let offset = 0;
  for (const ref of ["lm_head.weight", "head", ...model.weights.tensors.keys()]) {
    const weight = model.weights.weight(ref);
    if (weight?.encoding !== "block-quantized") continue;
    const { bits, blockSize, shape, zeroPoints, columnOrder, rotation } = weight;
    const [rows = 0, columns = 0] = shape;
    const stored = new Uint8Array(await readTensor(weight.data));
    // Rotated rows have a sign, and are stored by column.
    const data =
      rotation === undefined
        ? stored
        : stored.map((_each, at) => stored[(at % columns) * rows + Math.floor(at / columns)]! ^ 128);
    const scales = new Float32Array(await readTensor(weight.scales));
    const minima = weight.minima && new Float32Array(await readTensor(weight.minima));
    const zeros = zeroPoints && new Uint8Array(await readTensor(zeroPoints));
    const order = columnOrder && new Int32Array(await readTensor(columnOrder));
    const blocks = Math.ceil(columns / blockSize);
    const at = (from: Uint8Array, start: number, index: number): number =>
      bits === 8 ? from[start + index]! : (from[start + (index >> 1)]! >> (4 * (index & 1))) & 15;
    const dataBytes = (blocks * blockSize * bits) / 8;
    const zeroBytes = Math.ceil((blocks * bits) / 8);
    const values = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row += 1) {
      for (let place = 0; place < columns; place += 1) {
        const inRow = Math.floor(place / blockSize);
        const block = row * blocks + inRow;
        const zero = zeros === undefined ? 2 ** (bits - 1) : at(zeros, row * zeroBytes, inRow);
        const product = (at(data, row * dataBytes, place) - zero) * scales[block]!;
        values[row * columns + (order?.[place] ?? place)] = product + (minima?.[block] ?? 0);
      }
    }
    if (rotation !== undefined) turnBack(values, rotation);
    const info: TensorInfo = {
      name: ref,
      dtype: "F32",
      shape,
      filePath,
      startByte: offset,
      endByte: offset + values.byteLength,
    };
    dense.set(ref, { encoding: "dense", shape, data: info });
    parts.push(values);
    offset += values.byteLength;
  }
  await writeFile(filePath, Buffer.concat(parts.map((part) => new Uint8Array(part.buffer))));
  return {
    ...model,
    weights: { ...model.weights, weight: (each) => dense.get(each) ?? model.weights.weight(each) },
  };
}

const hadamards = new Map<number, Int8Array>();

/** The Hadamard matrix of a size, row by row, each number 1 or -1. */
function hadamard(size: number): Int8Array {
  const made = hadamards.get(size);
  if (made !== undefined) return made;
  const signs = Int8Array.from({ length: size * size }, (_, at) => {
    const common = Math.floor(at / size) & (at % size);
    return common.toString(2).replaceAll("0", "").length % 2 === 0 ? 1 : -1;
  });
  hadamards.set(size, signs);
  return signs;
}

/** Multiplies each block of numbers with the Hadamard matrix, which is its own inverse. */
function turnBack(values: Float32Array, size: number): void {
  const signs = hadamard(size);
  for (let start = 0; start < values.length; start += size) {
    const block = values.slice(start, start + size);
    for (let row = 0; row < size; row += 1) {
      let sum = 0;
      for (let column = 0; column < size; column += 1) sum += block[column]! * signs[row * size + column]!;
      values[start + row] = sum / Math.sqrt(size);
    }
  }
}

async function readTensor({ filePath, startByte, endByte }: TensorInfo): Promise<ArrayBuffer> {
  const file = await readFile(filePath);
  return new Uint8Array(file.subarray(startByte, endByte)).buffer;
}

/** The largest difference of two rows of logits, as a part of the largest logit. */
export function difference(found: Float32Array, wanted: Float32Array): number {
  const largest = wanted.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  return found.reduce((most, logit, at) => Math.max(most, Math.abs(logit - wanted[at]!)), 0) / largest;
}
