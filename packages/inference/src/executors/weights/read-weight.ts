import { type FileHandle, open } from "node:fs/promises";
import type { StoredWeight, TensorInfo } from "@infernode/models";
import { InferenceError, reasonOf } from "../../errors.ts";
import { decodeNumbers, numberBytes } from "./decode-numbers.ts";
import { dequantizeBlocks } from "./dequantize-blocks.ts";

const chunkBytes = 4 * 2 ** 20;

/** Numbers of a weight as they are stored: of a matrix that is transposed, `(columns, rows)`. */
export interface WeightNumbers {
  readonly values: Float32Array;
  readonly isTransposed: boolean;
}

/** @throws InferenceError `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL` for a weight that cannot be read as numbers */
export function assertReadable(name: string, weight: StoredWeight): void {
  if (weight.encoding === "block-quantized") return;
  if (weight.encoding === "dense") {
    if (numberBytes[weight.data.dtype] !== undefined) return;
    const mismatch = { field: name, expected: "F32, F16, BF16 or F64", got: weight.data.dtype };
    throw new InferenceError("UNSUPPORTED_DTYPE", mismatch);
  }
  const got = weight.encoding === "packed" ? `packed ${weight.packing}` : `integers of ${weight.bits} bits`;
  throw new InferenceError("UNSUPPORTED_MODEL", {
    field: name,
    expected: "a weight of numbers, or in blocks",
    got,
  });
}

/** Reads the numbers of a weight from its file. @throws InferenceError `EXECUTOR_FAILED` */
export async function readWeight(name: string, weight: StoredWeight): Promise<WeightNumbers> {
  assertReadable(name, weight);
  if (weight.encoding === "dense") {
    return { values: await readNumbers(weight.data), isTransposed: weight.isTransposed === true };
  }
  if (weight.encoding !== "block-quantized") throw new Error("assertReadable refuses other weights");
  const { data, scales, zeroPoints, minima, columnOrder } = weight;
  const order = columnOrder && (await readTensor(columnOrder));
  const parts = {
    data: await readTensor(data),
    scales: await readNumbers(scales),
    zeroPoints: zeroPoints && (await readTensor(zeroPoints)),
    minima: minima && (await readNumbers(minima)),
    columnOrder: order && new Int32Array(order.buffer, order.byteOffset, order.byteLength / 4),
  };
  return { values: dequantizeBlocks(weight, parts), isTransposed: false };
}

/** Reads the bytes of a tensor to memory that is passed in. @throws InferenceError `EXECUTOR_FAILED` */
export async function readTensorInto(tensor: TensorInfo, into: Uint8Array): Promise<void> {
  await readChunks(tensor, (chunk, startByte) => into.set(chunk, startByte));
}

async function readTensor(tensor: TensorInfo): Promise<Uint8Array> {
  const bytes = new Uint8Array(tensor.endByte - tensor.startByte);
  await readTensorInto(tensor, bytes);
  return bytes;
}

async function readNumbers(tensor: TensorInfo): Promise<Float32Array> {
  const size = numberBytes[tensor.dtype] ?? 1;
  const values = new Float32Array((tensor.endByte - tensor.startByte) / size);
  await readChunks(tensor, (chunk, startByte) => {
    const first = startByte / size;
    decodeNumbers(chunk, tensor.dtype, values.subarray(first, first + chunk.length / size));
  });
  return values;
}

/** Reads a tensor in parts, so that other work is done in between. */
async function readChunks(
  tensor: TensorInfo,
  onChunk: (chunk: Uint8Array, startByte: number) => void,
): Promise<void> {
  const { filePath, startByte, endByte } = tensor;
  let file: FileHandle | undefined;
  try {
    file = await open(filePath);
    const buffer = new Uint8Array(Math.min(chunkBytes, endByte - startByte));
    for (let start = startByte; start < endByte; start += chunkBytes) {
      const length = Math.min(chunkBytes, endByte - start);
      const { bytesRead } = await file.read(buffer, 0, length, start);
      if (bytesRead < length) throw new Error(`it ends at byte ${start + bytesRead}, within ${tensor.name}`);
      onChunk(buffer.subarray(0, length), start - startByte);
    }
  } catch (cause) {
    const message = `the weight file ${filePath} cannot be read: ${reasonOf(cause)}`;
    throw new InferenceError("EXECUTOR_FAILED", message, { cause });
  } finally {
    await file?.close();
  }
}
