export { planOnnxMemory } from "./memory-plan.ts";
export { createOnnxExecutor } from "./onnx-executor.ts";
export type { OnnxExecutorOptions, OnnxMemoryOptions, OnnxModel, OnnxWarning } from "./onnx-options.ts";
