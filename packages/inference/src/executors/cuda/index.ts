export { createCudaExecutor } from "./cuda-executor.ts";
export type { CudaExecutorOptions } from "./cuda-options.ts";
export { createCudaProvider, cudaPlanner } from "./cuda-provider.ts";
export { deviceProblem } from "./step/assert-device.ts";
export { planCudaMemory } from "./memory-plan.ts";
