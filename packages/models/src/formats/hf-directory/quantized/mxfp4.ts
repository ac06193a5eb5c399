import { ModelError } from "../../../errors.ts";
import { shapeText } from "../../../weights/shape.ts";
import type { PackedWeight, StoredWeight, TensorInfo } from "../../../weights/stored-weight.ts";
import { assertTensor } from "./assert-tensor.ts";
import type { AbsentWeight } from "./describe-groups.ts";
import type { QuantizationMethod } from "./grouped-method.ts";

const blockSize = 32;
const blockBytes = 16;

/** The blocks of MXFP4: numbers of 4 bits in one tensor, the exponents of their scales in another. */
export const mxfp4: QuantizationMethod = {
  name: "mxfp4",
  parse: () => ({ method: "MXFP4", dataSuffix: "_blocks", scalesSuffix: "_scales" }),
};

/**
 * Makes one weight of blocks `(…, blocks of a row, 16)` and exponents `(…, blocks of a row)`.
 *
 * @throws ModelError `TENSOR_MISSING`, `UNSUPPORTED_DTYPE`, `TENSOR_SHAPE_MISMATCH`
 */
export function packedWeight(data: TensorInfo, scales: TensorInfo | undefined): StoredWeight {
  const place = { file: data.filePath, tensor: data.name };
  if (scales === undefined) {
    const mismatch = { expected: "scales beside the blocks", got: "none" };
    throw new ModelError("TENSOR_MISSING", mismatch, place);
  }
  assertTensor(data, ["U8"]);
  const blocks = data.shape.slice(0, -1);
  if (data.shape.length < 3 || data.shape.at(-1) !== blockBytes) {
    const expected = `blocks of ${blockBytes} bytes in rows of several`;
    throw new ModelError("TENSOR_SHAPE_MISMATCH", { expected, got: shapeText(data.shape) }, place);
  }
  assertTensor(scales, ["U8"], blocks);
  const shape = [...blocks.slice(0, -1), (blocks.at(-1) ?? 0) * blockSize];
  return { encoding: "packed", packing: "MXFP4", shape, data, scales };
}

/**
 * The tensors that a weight would have; they can be planned with and not be read. `undefined` where the columns are no
 * multiple of the blocks.
 */
export function describeBlocks({
  name,
  rows,
  columns,
  filePath,
  startByte,
}: AbsentWeight): PackedWeight | undefined {
  if (columns % blockSize !== 0) return undefined;
  const blocks = columns / blockSize;
  const place = (suffix: string, start: number, shape: readonly number[]): TensorInfo => {
    const sizeBytes = shape.reduce((product, size) => product * size, 1);
    const tensor = { name: `${name}${suffix}`, dtype: "U8" as const, shape, filePath };
    return { ...tensor, startByte: start, endByte: start + sizeBytes };
  };
  const data = place("_blocks", startByte, [rows, blocks, blockBytes]);
  const scales = place("_scales", data.endByte, [rows, blocks]);
  return { encoding: "packed", packing: "MXFP4", shape: [rows, columns], data, scales };
}
