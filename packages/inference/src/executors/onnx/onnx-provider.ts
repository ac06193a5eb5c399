import type { ExecutorProvider } from "../executor-provider.ts";
import { assertFiniteWeights } from "./graph/assert-finite-weights.ts";
import { buildNetworkModel } from "./graph/network-model.ts";
import { usedTensors } from "./graph/network-summary.ts";
import { planOnnxMemory } from "./memory-plan.ts";
import { createOnnxExecutor } from "./onnx-executor.ts";
import { onnxRuntimes, parseOnnxRuntime } from "./onnx-options.ts";
import { openRuntime } from "./runtime/open-runtime.ts";

/** Provides executors that run on the CPU with onnxruntime. */
export const onnxProvider: ExecutorProvider = Object.freeze<ExecutorProvider>({
  name: "onnx",
  library: "onnxruntime",
  runtimes: onnxRuntimes,
  assertSupported: async (model) => {
    await buildNetworkModel(model);
  },
  plan: planOnnxMemory,
  assertLoadable: async (model, options) => {
    const { runtime } = await openRuntime(parseOnnxRuntime(options.runtime), () => {});
    runtime.dispose();
    await assertFiniteWeights(usedTensors(model));
  },
  create: ({ runtime, ...options }) => createOnnxExecutor({ ...options, runtime: parseOnnxRuntime(runtime) }),
});
