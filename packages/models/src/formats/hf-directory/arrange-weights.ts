import { ModelError } from "../../errors.ts";
import type { StoredTensors } from "../../families/family.ts";
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
    const placed = placeOf(fileName, stored);
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

interface Place {
  readonly name: string;
  readonly isTransposed: boolean;
}

/** Where a tensor is in the network; `undefined` for one that is no weight. */
function placeOf(fileName: string, stored: StoredTensors): Place | undefined {
  const { prefix, layers, layerNames, globalNames, head, transposed, ignored } = stored;
  const inner = fileName.startsWith(`${prefix}.`) ? fileName.slice(prefix.length + 1) : fileName;
  const kind = /\.(?:weight|bias)$/.exec(inner)?.[0] ?? "";
  const stem = inner.slice(0, inner.length - kind.length);
  if (fileName === `${head}${kind}`) return { name: `lm_head${kind}`, isTransposed: false };
  if (!stem.startsWith(`${layers}.`)) {
    const name = globalNames[stem];
    return { name: name === undefined ? fileName : `model.${name}${kind}`, isTransposed: false };
  }
  const [, index, part = ""] = /^(\d+)\.(.+)$/.exec(stem.slice(layers.length + 1)) ?? [];
  if (index === undefined) return { name: fileName, isTransposed: false };
  if (ignored?.has(`${part}${kind}`) === true) return undefined;
  const name = `model.layers.${index}.${layerNames[part] ?? part}${kind}`;
  return { name, isTransposed: kind === ".weight" && transposed?.has(part) === true };
}

/** Weights of other encodings are in the network's order already. */
function transpose(weight: StoredWeight): StoredWeight {
  if (weight.encoding !== "dense") return weight;
  return { ...weight, shape: weight.shape.toReversed(), isTransposed: true };
}
