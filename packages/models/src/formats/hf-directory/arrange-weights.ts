import { ModelError } from "../../errors.ts";
import type { StoredTensors } from "../../families/family.ts";
import { placeTensor } from "../../families/place-tensor.ts";
import type { StoredWeight } from "../../weights/stored-weight.ts";
import type { WeightIndex } from "../../weights/weight-index.ts";

/**
 * The weights of a directory by their names in the network, the transposed ones in the network's order of dimensions.
 * Nothing is read or copied. A name that the family does not know stays as it is.
 *
 * @throws ModelError `TENSOR_DUPLICATED`
 */
export function arrangeWeights(weights: WeightIndex, stored: StoredTensors | undefined): WeightIndex {
  if (stored === undefined) return weights;
  const fileNames = new Map<string, string>();
  const transposed = new Set<string>();
  let { totalBytes, parameterCount } = weights;
  for (const [fileName, { startByte, endByte, shape, filePath }] of weights.tensors) {
    const placed = placeTensor(fileName, stored);
    if (placed === undefined) {
      totalBytes -= endByte - startByte;
      parameterCount -= shape.reduce((product, size) => product * size, 1);
      continue;
    }
    const other = fileNames.get(placed.name);
    if (other !== undefined) {
      const mismatch = { expected: `one tensor for ${placed.name}`, got: `${other}, too` };
      throw new ModelError("TENSOR_DUPLICATED", mismatch, { file: filePath, tensor: fileName });
    }
    fileNames.set(placed.name, fileName);
    if (placed.isTransposed) transposed.add(placed.name);
  }
  const fileNameOf = (name: string): string => fileNames.get(name) ?? name;
  return {
    ...weights,
    totalBytes,
    parameterCount,
    tensors: new Map(
      Array.from(fileNames, ([name, fileName]) => [name, weights.tensors.get(fileName)!] as const),
    ),
    weight(name) {
      const fileName = fileNames.get(name);
      const weight = fileName === undefined ? undefined : weights.weight(fileName);
      return weight !== undefined && transposed.has(name) ? transpose(weight) : weight;
    },
    read: (name, into) => weights.read(fileNameOf(name), into),
    readRange: (name, range) => weights.readRange(fileNameOf(name), range),
  };
}

/** Weights of other encodings are in the network's order already. */
function transpose(weight: StoredWeight): StoredWeight {
  if (weight.encoding !== "dense") return weight;
  return { ...weight, shape: weight.shape.toReversed(), isTransposed: true };
}
