import type { TensorInfo } from "./stored-weight.ts";
import type { WeightIndex } from "./weight-index.ts";
import { decodeElements } from "./decode-elements.ts";
import { dtypeSizeBytes } from "./tensor-dtype.ts";

const chunkElements = 1 << 20;

/** A tensor and its name in an index, which may be another than in the file. */
type IndexedTensor = readonly [name: string, tensor: TensorInfo];

/** Whether two tensors of the same shape hold the same numbers, whatever their dtypes. */
export async function areTensorsEqual(
  weights: WeightIndex,
  ...[left, right]: readonly [IndexedTensor, IndexedTensor]
): Promise<boolean> {
  const [[, a], [, b]] = [left, right];
  const count = a.shape.reduce((product, size) => product * size, 1);
  const chunk = async ([name, { dtype }]: IndexedTensor, start: number, end: number): Promise<Uint8Array> => {
    const sizeBytes = dtypeSizeBytes(dtype);
    return weights.readRange(name, { startByte: start * sizeBytes, endByte: end * sizeBytes });
  };
  for (let start = 0; start < count; start += chunkElements) {
    const end = Math.min(count, start + chunkElements);
    const [ofA, ofB] = await Promise.all([chunk(left, start, end), chunk(right, start, end)]);
    // Equal bytes are equal numbers, except for NaN, which is refused elsewhere.
    if (a.dtype === b.dtype && Buffer.compare(ofA, ofB) === 0) continue;
    if (!areNumbersEqual(decodeElements(ofA, a.dtype), decodeElements(ofB, b.dtype))) return false;
  }
  return true;
}

function areNumbersEqual(a: Float32Array, b: Float32Array): boolean {
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}
