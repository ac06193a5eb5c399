import { ModelError } from "../errors.ts";
import { shapeText } from "../weights/shape.ts";
import {
  typeOf,
  type DenseWeight,
  type PackedWeight,
  type StoredWeight,
  type TensorInfo,
} from "../weights/stored-weight.ts";
import type { WeightIndex } from "../weights/weight-index.ts";

/** A tensor of a checkpoint that holds several of the network's, one behind the other. */
export interface FusedWeight {
  readonly name: string;
  /**
   * `rows`: a matrix whose rows are those of its parts. `stack-of-transposed`: each part is one of the tensors along the
   * first axis; matrices of numbers are `(columns, rows)`, those in blocks are not. [rows]
   */
  readonly layout?: "rows" | "stack-of-transposed";
  readonly parts: readonly { readonly name: string; readonly rowCount: number }[];
  /** Directories have the parts, each as a tensor of its own. [false] */
  readonly isOfGgufOnly?: boolean;
}

/** Where the rows of a part are in its matrix. */
interface Part {
  readonly fusedName: string;
  readonly weight: StoredWeight;
  /** Of the first row, counted from the start of the matrix. */
  readonly startByte: number;
  readonly endByte: number;
}

/**
 * The same weights, with each fused tensor as those that it holds. Nothing is read or copied: the rows of a part
 * are a range of the bytes. A matrix that the checkpoint does not have is left out.
 *
 * @throws ModelError `TENSOR_SHAPE_MISMATCH` for another number of rows, `UNSUPPORTED_QUANTIZATION` for a matrix that is
 * not stored row by row
 */
export function splitFusedWeights(weights: WeightIndex, fused: readonly FusedWeight[]): WeightIndex {
  const parts = new Map<string, Part>();
  const replaced = new Set<string>();
  for (const each of fused) {
    const weight = weights.weight(each.name);
    if (weight === undefined) continue;
    replaced.add(each.name);
    for (const [name, part] of partsOf(each, weight)) parts.set(name, part);
  }
  if (replaced.size === 0) return weights;
  const tensors = new Map([...weights.tensors].filter(([name]) => !replaced.has(name)));
  for (const [name, { weight }] of parts) tensors.set(name, weight.data);
  return {
    ...weights,
    tensors,
    weight: (name) => (replaced.has(name) ? undefined : (parts.get(name)?.weight ?? weights.weight(name))),
    async read(name, into) {
      const part = parts.get(name);
      if (part === undefined) return weights.read(name, into);
      const bytes = await weights.readRange(part.fusedName, part);
      if (into === undefined) return bytes;
      into.set(bytes);
      return into.subarray(0, bytes.length);
    },
    async readRange(name, range) {
      const part = parts.get(name);
      if (part === undefined) return weights.readRange(name, range);
      return weights.readRange(part.fusedName, {
        startByte: part.startByte + range.startByte,
        endByte: part.startByte + range.endByte,
      });
    },
  };
}

function partsOf(
  { name: fusedName, parts, layout = "rows" }: FusedWeight,
  weight: StoredWeight,
): readonly [string, Part][] {
  const { shape, data } = weight;
  const [rows = 0, ...inner] = shape;
  const place = { file: data.filePath, tensor: data.name };
  const wanted = parts.reduce((sum, { rowCount }) => sum + rowCount, 0);
  if (rows !== wanted) {
    const expected = `${shapeText([wanted, ...inner])}, by the config`;
    throw new ModelError("TENSOR_SHAPE_MISMATCH", { expected, got: shapeText(shape) }, place);
  }
  const isTransposed = weight.encoding === "dense" && weight.isTransposed === true;
  if (isTransposed || (weight.encoding !== "dense" && weight.encoding !== "packed")) {
    const expected = "a matrix of several, stored row by row";
    throw new ModelError("UNSUPPORTED_QUANTIZATION", { expected, got: typeOf(weight) }, place);
  }
  let row = 0;
  return parts.map(({ name, rowCount }) => {
    const range: RowRange = { start: row, end: row + rowCount, of: rows, isStack: layout !== "rows" };
    row += rowCount;
    const tensor = { ...rowsOf(data, range), name };
    const start = tensor.startByte - data.startByte;
    const split = withTensor(weight, tensor, range);
    return [name, { fusedName, weight: split, startByte: start, endByte: tensor.endByte - data.startByte }];
  });
}

/** Some rows of a tensor of so many; in a stack, one of them is a tensor of its own. */
interface RowRange {
  readonly start: number;
  readonly end: number;
  readonly of: number;
  readonly isStack: boolean;
}

function rowsOf(tensor: TensorInfo, { start, end, of, isStack }: RowRange): TensorInfo {
  const { shape, startByte, endByte } = tensor;
  const rowBytes = (endByte - startByte) / of;
  const inner = shape.slice(1);
  return {
    ...tensor,
    shape: isStack ? inner : [end - start, ...inner],
    startByte: startByte + start * rowBytes,
    endByte: startByte + end * rowBytes,
  };
}

function withTensor(weight: DenseWeight | PackedWeight, data: TensorInfo, range: RowRange): StoredWeight {
  const inner = weight.shape.slice(1);
  const shape = range.isStack ? inner : [range.end - range.start, ...inner];
  if (weight.encoding === "packed") {
    const { scales } = weight;
    const ofPart = scales && { ...rowsOf(scales, range), name: `${data.name}.scales` };
    return { ...weight, shape, data, ...(ofPart && { scales: ofPart }) };
  }
  if (!range.isStack || shape.length < 2) return { ...weight, shape, data };
  return { ...weight, shape: shape.toReversed(), data, isTransposed: true };
}
