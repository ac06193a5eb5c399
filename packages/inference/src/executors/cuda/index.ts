export { checkKernels, type KernelCheck, type KernelCheckOptions } from "./check/check-kernels.ts";
export { fingerprintKernels } from "./check/fingerprint-kernels.ts";
export { type CopyOptions, type CopySpeed, measureCopies } from "./check/measure-copies.ts";
export { createCudaExecutor } from "./cuda-executor.ts";
export type { CudaExecutorOptions } from "./cuda-options.ts";
export { createCudaProvider, cudaPlanner } from "./cuda-provider.ts";
export { deviceProblem } from "./step/assert-device.ts";
export { planCudaMemory } from "./memory-plan.ts";
