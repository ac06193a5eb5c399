import type { StoredWeight } from "@infernode/models";
import type { ExecutorProvider, Prepacking } from "../executor-provider.ts";
import { assertFiniteWeights } from "../assert-finite-weights.ts";
import { assertModel } from "../assert-options.ts";
import { usedTensors } from "../network/network-summary.ts";
import { OnnxDecoderBuilder } from "./graph/onnx-decoder-builder.ts";
import { resolveWeightFiles } from "./graph/weight-files.ts";
import { planOnnxMemory } from "./memory-plan.ts";
import { createOnnxExecutor } from "./onnx-executor.ts";
import { onnxKvCacheDtypes, onnxRuntimes, parseOnnxRuntime } from "./onnx-options.ts";
import { describePrepackTarget, prepackWeights } from "./prepack-weights.ts";
import { lengthRuleOf } from "../rotation/length-rotations.ts";
import { openRuntime } from "./runtime/open-runtime.ts";

type OnnxProvider = ExecutorProvider & { readonly prepacking: Prepacking };

/** Provides executors that run on the CPU with onnxruntime. */
export const onnxProvider: OnnxProvider = Object.freeze<OnnxProvider>({
  name: "onnx",
  library: "onnxruntime",
  runtimes: onnxRuntimes,
  kvCacheDtypes: onnxKvCacheDtypes,
  isFasterQuantized: true,
  // Weights that are yet to be written have no files.
  assertSupported: async (model) => {
    assertModel(model);
    const { architecture, config, weights } = model;
    const weight = (name: string): StoredWeight | undefined => weights.weight(name);
    architecture.build(config, new OnnxDecoderBuilder({ weight, locations: new Map() }));
    lengthRuleOf(config, config.contextTokens);
  },
  plan: planOnnxMemory,
  assertLoadable: async (model, { stored = model, ...options }) => {
    assertModel(model);
    const { runtime } = await openRuntime(parseOnnxRuntime(options.runtime), () => {});
    runtime.dispose();
    const tensors = usedTensors(stored);
    await resolveWeightFiles(Array.from(tensors, ({ filePath }) => filePath));
    await assertFiniteWeights(tensors);
  },
  prepacking: { target: describePrepackTarget, prepack: prepackWeights },
  create: ({ runtime, ...options }) => createOnnxExecutor({ ...options, runtime: parseOnnxRuntime(runtime) }),
});
