import type { CudaMemoryPool } from "@infernode/memory/cuda";
import { InferenceError, quoteValue } from "../../errors.ts";
import type { KvCacheDtype } from "../executor.ts";
import { summarizeNetwork } from "../network/network-summary.ts";
import type { ExecutorModel, ExecutorOptions, PagedExecutorSizes } from "../executor-provider.ts";

/** What `createCudaExecutor` takes. `memory` is not used: everything is in the pool. */
export interface CudaExecutorOptions extends Omit<ExecutorOptions, "memory"> {
  readonly pool: CudaMemoryPool;
}

/** Sizes with defaults filled in. */
export type ResolvedCudaSizes = Required<PagedExecutorSizes>;

const sizeNames = [
  "kvCacheTokens",
  "maxSequences",
  "contextTokens",
  "maxChunkTokens",
  "kvCacheDtype",
  "maxAdapters",
  "maxAdapterRank",
];
const optionNames = [
  ...sizeNames,
  "model",
  "pool",
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
export function assertCudaOptions(options: object): void {
  assertKnownKeys(options, optionNames);
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveCudaSizes(model: ExecutorModel, options: PagedExecutorSizes): ResolvedCudaSizes {
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
  const mostTokens = maxSequences * contextTokens;
  const { kvCacheTokens = mostTokens } = options;
  assertCount("kvCacheTokens", kvCacheTokens, mostTokens);
  return Object.freeze({
    kvCacheTokens,
    maxSequences,
    contextTokens,
    maxChunkTokens,
    kvCacheDtype: resolveKvCacheDtype(model, options.kvCacheDtype),
    maxAdapters,
    maxAdapterRank,
  });
}

/** Checks that there are no other sizes. @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function assertCudaSizes(sizes: object): void {
  assertKnownKeys(sizes, sizeNames);
}

/** As precise as the weights are: matrices of 32 bits have a cache of 32 bits. */
function resolveKvCacheDtype(model: ExecutorModel, name: KvCacheDtype | undefined): KvCacheDtype {
  if (name === undefined) {
    const isExact = summarizeNetwork(model).weights.some(({ ref, use }) => {
      const weight = use === "matrix" ? model.weights.weight(ref.name) : undefined;
      return weight?.encoding === "dense" && ["F32", "F64"].includes(weight.data.dtype);
    });
    return isExact ? "float32" : "bfloat16";
  }
  if (["float32", "bfloat16", "int8"].includes(name)) return name;
  throw invalid("kvCacheDtype", '"float32", "bfloat16" or "int8"', name);
}

function assertKnownKeys(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalid("options", `fields among ${known.join(", ")}`, key);
  }
}

function assertCount(name: string, value: number, limit: number): void {
  if (!isCount(value, limit)) throw invalid(name, `an integer from 1 to ${limit}`, value);
}

function isCount(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= limit;
}

function invalid(field: string, expected: string, value: unknown): InferenceError {
  return new InferenceError("INVALID_EXECUTOR_OPTIONS", { field, expected, got: quoteValue(value) });
}
