import type { TensorInfo } from "./stored-weight.ts";
import type { WeightIndex } from "./weight-index.ts";
import { decodeElements } from "./decode-elements.ts";
import { dtypeSizeBytes } from "./tensor-dtype.ts";

const chunkElements = 1 << 20;

/** Whether two tensors of the same shape hold the same numbers, whatever their dtypes. */
export async function areTensorsEqual(weights: WeightIndex, a: TensorInfo, b: TensorInfo): Promise<boolean> {
  const count = a.shape.reduce((product, size) => product * size, 1);
  const chunk = async (tensor: TensorInfo, start: number, end: number): Promise<Uint8Array> => {
    const sizeBytes = dtypeSizeBytes(tensor.dtype);
    return weights.readRange(tensor.name, { startByte: start * sizeBytes, endByte: end * sizeBytes });
  };
  for (let start = 0; start < count; start += chunkElements) {
    const end = Math.min(count, start + chunkElements);
    const [left, right] = await Promise.all([chunk(a, start, end), chunk(b, start, end)]);
    // Equal bytes are equal numbers, except for NaN, which is refused elsewhere.
    if (a.dtype === b.dtype && Buffer.compare(left, right) === 0) continue;
    if (!areNumbersEqual(decodeElements(left, a.dtype), decodeElements(right, b.dtype))) return false;
  }
  return true;
}

function areNumbersEqual(a: Float32Array, b: Float32Array): boolean {
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}
