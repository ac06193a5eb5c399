import { InferenceError, quoteValue } from "../../errors.ts";
import type { SlotDtype } from "../executor.ts";
import type { ExecutorModel, ExecutorOptions, ExecutorSizes } from "../executor-provider.ts";
import { defaultThreadCount } from "./thread-count.ts";

/** The ways to call onnxruntime, the preferred one first. */
export const onnxRuntimes = ["ffi", "binding"] as const;

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

/** Sizes with defaults filled in. */
export interface ResolvedOnnxMemoryOptions extends Required<ExecutorSizes> {
  readonly kvCacheDtype: SlotDtype;
}

/** Options with defaults filled in. */
export interface ResolvedOnnxOptions extends ResolvedOnnxMemoryOptions {
  readonly threads: number;
  readonly runtime: OnnxRuntimePreference;
}

const memoryKeys = [
  "maxSequences",
  "contextTokens",
  "maxChunkTokens",
  "kvCacheDtype",
  "maxAdapters",
  "maxAdapterRank",
];
const optionNames = [
  ...memoryKeys,
  "model",
  "memory",
  "threads",
  "runtime",
  "kvRanges",
  "onWarning",
  "onRuntimeOpened",
  "hasFiniteWeights",
];
const defaultChunkTokens = 512;
const defaultAdapterRank = 16;

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveOnnxOptions(options: OnnxExecutorOptions): ResolvedOnnxOptions {
  assertKnownKeys(options, optionNames);
  const { threads = defaultThreadCount() } = options;
  assertCount("threads", threads, 1024);
  const runtime = parseOnnxRuntime(options.runtime);
  return Object.freeze({ ...resolveSizes(options.model, options), threads, runtime });
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function parseOnnxRuntime(name: string = "auto"): OnnxRuntimePreference {
  const runtime = (["auto", ...onnxRuntimes] as const).find((each) => each === name);
  if (runtime === undefined) throw invalid("runtime", '"auto", "ffi" or "binding"', name);
  return runtime;
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveOnnxMemoryOptions(
  model: ExecutorModel,
  options: ExecutorSizes,
): ResolvedOnnxMemoryOptions {
  assertKnownKeys(options, memoryKeys);
  return Object.freeze(resolveSizes(model, options));
}

function resolveSizes(model: ExecutorModel, options: ExecutorSizes): ResolvedOnnxMemoryOptions {
  const limit = model.config.contextTokens;
  const { maxSequences, contextTokens = limit } = options;
  assertCount("maxSequences", maxSequences, 4096);
  if (!isCount(contextTokens, limit)) {
    throw invalid("contextTokens", `an integer from 1 to ${limit}, the model's context`, contextTokens);
  }
  const { maxChunkTokens = Math.min(defaultChunkTokens, contextTokens) } = options;
  assertCount("maxChunkTokens", maxChunkTokens, contextTokens);
  const { maxAdapters = 0, maxAdapterRank = defaultAdapterRank } = options;
  if (maxAdapters !== 0) assertCount("maxAdapters", maxAdapters, 1024);
  assertCount("maxAdapterRank", maxAdapterRank, 4096);
  return {
    maxSequences,
    contextTokens,
    maxChunkTokens,
    kvCacheDtype: parseKvCacheDtype(options.kvCacheDtype),
    maxAdapters,
    maxAdapterRank,
  };
}

function parseKvCacheDtype(name: string = "float32"): SlotDtype {
  if (name === "float32" || name === "int8") return name;
  throw invalid("kvCacheDtype", '"float32" or "int8"', name);
}

function assertKnownKeys(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalid("options", `fields among ${known.join(", ")}`, key);
  }
}

function assertCount(name: string, value: number, limit: number): void {
  if (!isCount(value, limit)) {
    throw invalid(name, `an integer from 1 to ${limit}`, value);
  }
}

function isCount(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= limit;
}

function invalid(field: string, expected: string, value: unknown): InferenceError {
  return new InferenceError("INVALID_EXECUTOR_OPTIONS", { field, expected, got: quoteValue(value) });
}
