import type { ExecutorProvider } from "@infernode/inference";
import { onnxProvider } from "@infernode/inference/onnx";
import { tfjsProvider } from "@infernode/inference/tfjs";
import type { ExecutorName, ExecutorPreference } from "../../config/executor-names.ts";

/** The executors by name: the only place that names them. */
const providers: Readonly<Record<ExecutorName, ExecutorProvider>> = {
  onnx: onnxProvider,
  tfjs: tfjsProvider,
};

/** An executor, and why it is this one. */
export interface ExecutorChoice {
  readonly provider: ExecutorProvider;
  readonly reason: string;
}

/** Chooses the executor of a model. One that is asked for by name is never replaced by another. */
export function chooseExecutor(preference: ExecutorPreference = "auto"): ExecutorChoice {
  if (preference === "auto") {
    return { provider: providers.onnx, reason: "auto: the fastest executor on a processor" };
  }
  return { provider: providers[preference], reason: `engine.executor is ${preference}` };
}

/** All executors, the one that `auto` chooses first. */
export const executorProviders: readonly ExecutorProvider[] = Object.values(providers);

/** Makes copies of weights for `models quantize`. */
export const preparingProvider: typeof onnxProvider = onnxProvider;
