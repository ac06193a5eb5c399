import type { ExecutorModel, ExecutorOptions, ExecutorSizes } from "../executor-provider.ts";
import {
  assertCount,
  assertKnownKeys,
  assertMemory,
  assertOptions,
  assertUnset,
  invalidOption,
} from "../assert-options.ts";
import { type ResolvedSizes, resolveSizes, sizeNames } from "../resolve-sizes.ts";
import { defaultThreadCount } from "./thread-count.ts";

/** The ways to call onnxruntime, the preferred one first. */
export const onnxRuntimes = ["ffi", "binding"] as const;

/** The types of a KV cache, that by default first. */
export const onnxKvCacheDtypes = ["float32", "int8"] as const;

/** A way to call onnxruntime, or the first one that works. */
export type OnnxRuntimePreference = "auto" | (typeof onnxRuntimes)[number];

/** What `createOnnxExecutor` takes. */
export interface OnnxExecutorOptions extends ExecutorOptions {
  /**
   * `ffi` calls the runtime's C API; `binding` goes through onnxruntime-node's binding, which blocks the event loop
   * and copies the KV cache at each step; `auto` takes `ffi`, or else `binding` with a warning. [`auto`]
   */
  readonly runtime?: OnnxRuntimePreference;
}

/** Options with defaults filled in. */
export interface ResolvedOnnxOptions extends ResolvedSizes {
  readonly threads: number;
  readonly runtime: OnnxRuntimePreference;
}

const optionNames = [
  ...sizeNames,
  "model",
  "memory",
  "threads",
  "runtime",
  "productLibraryPath",
  "kvRanges",
  "onWarning",
  "onRuntimeOpened",
  "onDeviceLost",
  "hasFiniteWeights",
];

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveOnnxOptions(options: OnnxExecutorOptions): ResolvedOnnxOptions {
  assertOptions(options, optionNames);
  assertMemory(options.memory);
  assertUnset(options, ["productLibraryPath"]);
  const { threads = defaultThreadCount() } = options;
  assertCount("threads", threads, 1024);
  const runtime = parseOnnxRuntime(options.runtime);
  return Object.freeze({ ...resolveSizes(options.model, options, onnxKvCacheDtypes), threads, runtime });
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function parseOnnxRuntime(name: string = "auto"): OnnxRuntimePreference {
  const runtime = (["auto", ...onnxRuntimes] as const).find((each) => each === name);
  if (runtime === undefined) throw invalidOption("runtime", '"auto", "ffi" or "binding"', name);
  return runtime;
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveOnnxMemoryOptions(model: ExecutorModel, options: ExecutorSizes): ResolvedSizes {
  assertKnownKeys(options, sizeNames);
  return Object.freeze(resolveSizes(model, options, onnxKvCacheDtypes));
}
