import type { TensorDtype } from "@infernode/models";
import type { OnnxDtype } from "./onnx-graph.ts";

/** Types of dense weights that the runtime reads. */
export const weightDtypes: Partial<Record<TensorDtype, OnnxDtype>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};
