import type { ExecutorProvider } from "../executor-provider.ts";
import { usedTensors } from "../network/network-summary.ts";
import { lengthRuleOf } from "../rotation/length-rotations.ts";
import { assertFiniteWeights } from "../assert-finite-weights.ts";
import { assertModel } from "../assert-options.ts";
import { planTfjsMemory } from "./memory-plan.ts";
import { openTfjsRuntime } from "./runtime/open-runtime.ts";
import { tfjsRuntimes } from "./runtime/runtimes.ts";
import { assertAddressable, createTfjsExecutor, stateNetwork } from "./tfjs-executor.ts";
import { parseTfjsRuntime, tfjsKvCacheDtypes } from "./tfjs-options.ts";
import { HeldWeights } from "./weights/held-weights.ts";

/** Provides executors that run with TensorFlow.js. */
export const tfjsProvider: ExecutorProvider = Object.freeze<ExecutorProvider>({
  name: "tfjs",
  library: "TensorFlow.js",
  runtimes: tfjsRuntimes,
  kvCacheDtypes: tfjsKvCacheDtypes,
  isFasterQuantized: false,
  assertSupported: async (model) => {
    assertModel(model);
    stateNetwork(model, new HeldWeights(model.weights));
    lengthRuleOf(model.config, model.config.contextTokens);
  },
  plan: planTfjsMemory,
  assertLoadable: async (model, { stored = model, ...options }) => {
    assertModel(model);
    const runtime = await openTfjsRuntime(parseTfjsRuntime(options.runtime));
    assertAddressable(planTfjsMemory(model, { maxSequences: 1, contextTokens: 1 }), runtime);
    await assertFiniteWeights(usedTensors(stored));
  },
  create: ({ runtime, ...options }) => createTfjsExecutor({ ...options, runtime: parseTfjsRuntime(runtime) }),
});
