import type { ExecutorProvider } from "@infernode/inference";
import { onnxProvider } from "@infernode/inference/onnx";

/** Runs the models of this package. The one place that names an executor. */
export const executorProvider: ExecutorProvider = onnxProvider;
