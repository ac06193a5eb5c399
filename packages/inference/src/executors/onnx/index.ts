export { planOnnxMemory } from "./memory-plan.ts";
export { assertOnnxRuns, assertOnnxWeights } from "./graph/network-model.ts";
export { createOnnxExecutor } from "./onnx-executor.ts";
export type { OnnxExecutorOptions, OnnxMemoryOptions, OnnxModel, OnnxWarning } from "./onnx-options.ts";
export { assertOnnxRuntime } from "./runtime/open-runtime.ts";
