import type { ExecutorModel, ExecutorOptions, ExecutorSizes } from "../executor-provider.ts";
import {
  assertKnownKeys,
  assertMemory,
  assertOptions,
  assertUnset,
  invalidOption,
} from "../assert-options.ts";
import { type ResolvedSizes, resolveSizes, sizeNames } from "../resolve-sizes.ts";
import { type TfjsRuntimePreference, tfjsRuntimes } from "./runtime/runtimes.ts";
import { assertTensorFlow, type TensorFlow } from "./runtime/tensorflow.ts";

/** The types of a KV cache. */
export const tfjsKvCacheDtypes = ["float32"] as const;

/** What `createTfjsExecutor` takes. The KV cache is of float32, and the backend decides about threads. */
export interface TfjsExecutorOptions extends ExecutorOptions {
  /** How TensorFlow.js computes; `auto` takes the first one that is installed. [`auto`] */
  readonly runtime?: TfjsRuntimePreference;
  /** The namespace to use, with the backend that it has, in place of a `runtime`. */
  readonly tensorflow?: TensorFlow;
}

/** Options with defaults filled in. */
export interface ResolvedTfjsOptions extends ResolvedSizes {
  readonly runtime: TfjsRuntimePreference;
}

const optionNames = [
  ...sizeNames,
  "model",
  "memory",
  "threads",
  "runtime",
  "tensorflow",
  "productLibraryPath",
  "kvRanges",
  "onWarning",
  "onRuntimeOpened",
  "onDeviceLost",
  "hasFiniteWeights",
];

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveTfjsOptions(options: TfjsExecutorOptions): ResolvedTfjsOptions {
  assertOptions(options, optionNames);
  assertMemory(options.memory);
  assertUnset(options, ["threads", "productLibraryPath"]);
  const runtime = parseTfjsRuntime(options.runtime);
  if (options.tensorflow !== undefined && options.runtime !== undefined) {
    throw invalidOption("runtime", "none beside `tensorflow`", options.runtime);
  }
  if (options.tensorflow !== undefined) assertTensorFlow(options.tensorflow);
  return Object.freeze({ ...resolveSizes(options.model, options, tfjsKvCacheDtypes), runtime });
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveTfjsMemoryOptions(model: ExecutorModel, options: ExecutorSizes): ResolvedSizes {
  assertKnownKeys(options, sizeNames);
  return Object.freeze(resolveSizes(model, options, tfjsKvCacheDtypes));
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function parseTfjsRuntime(name: string = "auto"): TfjsRuntimePreference {
  const known = ["auto", ...tfjsRuntimes] as const;
  const runtime = known.find((each) => each === name);
  if (runtime === undefined) throw invalidOption("runtime", `one of ${known.join(", ")}`, name);
  return runtime;
}
