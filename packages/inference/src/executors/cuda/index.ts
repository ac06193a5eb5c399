export { createCudaExecutor } from "./cuda-executor.ts";
export type { CudaExecutorOptions } from "./cuda-options.ts";
export { createCudaProvider } from "./cuda-provider.ts";
export { planCudaMemory } from "./memory-plan.ts";
