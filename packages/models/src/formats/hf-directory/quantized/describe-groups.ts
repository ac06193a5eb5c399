import { packedShape } from "../../../weights/grouped/unpack-integers.ts";
import type { GroupedWeight, TensorInfo } from "../../../weights/stored-weight.ts";
import { dtypeSizeBytes, type TensorDtype } from "../../../weights/tensor-dtype.ts";
import type { GroupedQuantization } from "./grouped-method.ts";

/** A weight whose tensors are not there. */
export interface AbsentWeight {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly filePath: string;
  /** Where the first of its tensors would start. */
  readonly startByte: number;
}

/**
 * The tensors that a quantized weight would have, by the first settings of its checkpoint; they can be planned with and
 * not be read. `undefined` where the columns are no multiple of the groups: such a weight is not quantized.
 */
export function describeGroups(
  { method, settings: [first], tensors: names }: GroupedQuantization,
  { name, rows, columns, filePath, startByte }: AbsentWeight,
): GroupedWeight | undefined {
  const groupSize = first?.groupSize ?? columns;
  if (first === undefined || columns % groupSize !== 0) return undefined;
  const { bits, hasZeroPoints } = first;
  const groups = columns / groupSize;
  const { dataPacking, areScalesTransposed, zeroPointPacking } = names;
  let nextByte = startByte;
  const place = (tensor: string, dtype: TensorDtype, shape: readonly number[]): TensorInfo => {
    const start = nextByte;
    nextByte += shape.reduce((product, size) => product * size, dtypeSizeBytes(dtype));
    const module = name.slice(0, name.lastIndexOf("."));
    return { name: `${module}.${tensor}`, dtype, shape, filePath, startByte: start, endByte: nextByte };
  };
  const words = packedShape({ rows, columns, bits, packing: dataPacking });
  return {
    encoding: "grouped",
    method,
    shape: [rows, columns],
    bits,
    groupSize,
    data: place(names.data, "I32", words),
    dataPacking,
    scales: place(names.scales, "F16", areScalesTransposed ? [groups, rows] : [rows, groups]),
    areScalesTransposed,
    zeroPointPacking,
    ...(hasZeroPoints && {
      zeroPoints: place(
        names.zeroPoints,
        "I32",
        packedShape({ rows, columns: groups, bits, packing: zeroPointPacking }),
      ),
    }),
  };
}
