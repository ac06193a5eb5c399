export { planOnnxMemory } from "./memory-plan.ts";
export { createOnnxExecutor } from "./onnx-executor.ts";
export type { OnnxExecutorOptions, OnnxRuntimePreference } from "./onnx-options.ts";
export { onnxProvider } from "./onnx-provider.ts";
