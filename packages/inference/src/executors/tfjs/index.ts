export { planTfjsMemory } from "./memory-plan.ts";
export type { TfjsRuntimeName, TfjsRuntimePreference } from "./runtime/runtimes.ts";
export type { TensorFlow, TfTensor } from "./runtime/tensorflow.ts";
export { createTfjsExecutor } from "./tfjs-executor.ts";
export type { TfjsExecutorOptions } from "./tfjs-options.ts";
export { tfjsProvider } from "./tfjs-provider.ts";
