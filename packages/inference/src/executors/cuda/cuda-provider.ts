import type { CudaMemoryPool } from "@infernode/memory/cuda";
import { assertFiniteWeights } from "../assert-finite-weights.ts";
import { assertKnownKeys, assertModel } from "../assert-options.ts";
import type { ExecutorPlanner, ExecutorProvider } from "../executor-provider.ts";
import { usedTensors } from "../network/network-summary.ts";
import { createCudaExecutor } from "./cuda-executor.ts";
import { assertCudaRuntime, cudaKvCacheDtypes } from "./cuda-options.ts";
import { planCuda, planCudaMemory } from "./memory-plan.ts";
import { assertCudaPool } from "./step/assert-device.ts";
import { loadProductLibrary } from "./step/product-library.ts";

/** Checks and plans models for executors that run on an NVIDIA GPU; needs none. */
export const cudaPlanner: ExecutorPlanner = Object.freeze<ExecutorPlanner>({
  name: "cuda",
  library: "CUDA driver",
  runtimes: ["driver"],
  kvCacheDtypes: cudaKvCacheDtypes,
  isFasterQuantized: false,
  int8Layout: "blocks",
  assertSupported: async (model) => {
    planCuda(model, { maxSequences: 1 });
  },
  plan: planCudaMemory,
  assertLoadable: async (model, { runtime, stored = model, ...options }) => {
    assertModel(model);
    assertCudaRuntime(runtime);
    loadProductLibrary(options);
    await assertFiniteWeights(usedTensors(stored));
  },
});

/**
 * Creates a provider of executors that run on an NVIDIA GPU, with all their memory of one pool.
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`
 */
export function createCudaProvider(options: { readonly pool: CudaMemoryPool }): ExecutorProvider {
  assertKnownKeys(options, ["pool"]);
  const { pool } = options;
  assertCudaPool(pool);
  return Object.freeze<ExecutorProvider>({
    ...cudaPlanner,
    create: ({ memory: _memory, ...options }) => createCudaExecutor({ ...options, pool }),
  });
}
