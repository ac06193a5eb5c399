import { ModelError } from "../../../errors.ts";
import { isSameShape, shapeText } from "../../../weights/shape.ts";
import type { TensorInfo } from "../../../weights/stored-weight.ts";
import type { TensorDtype } from "../../../weights/tensor-dtype.ts";

/** Checks dtype and shape of a tensor of a quantized weight. @throws ModelError `UNSUPPORTED_DTYPE`, `TENSOR_SHAPE_MISMATCH` */
export function assertTensor(
  tensor: TensorInfo,
  dtypes: readonly TensorDtype[],
  shape?: readonly number[],
): void {
  const place = { file: tensor.filePath, tensor: tensor.name };
  if (!dtypes.includes(tensor.dtype)) {
    throw new ModelError("UNSUPPORTED_DTYPE", { expected: dtypes.join(" or "), got: tensor.dtype }, place);
  }
  if (shape === undefined || isSameShape(shape, tensor.shape)) return;
  const mismatch = {
    expected: `${shapeText(shape)}, by the tensors beside it and the config`,
    got: shapeText(tensor.shape),
  };
  throw new ModelError("TENSOR_SHAPE_MISMATCH", mismatch, place);
}
