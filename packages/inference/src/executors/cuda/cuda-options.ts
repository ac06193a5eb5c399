import type { CudaMemoryPool } from "@infernode/memory/cuda";
import type { KvCacheDtype, ProductLibrary, ProductPrecision } from "../executor.ts";
import { summarizeNetwork } from "../network/network-summary.ts";
import type { ExecutorModel, ExecutorOptions, PagedExecutorSizes } from "../executor-provider.ts";
import {
  assertCount,
  assertKnownKeys,
  assertOptions,
  assertUnset,
  invalidOption,
} from "../assert-options.ts";
import { assertCudaPool } from "./step/assert-device.ts";
import { parseKvCacheDtype, resolveCommonSizes, sizeNames } from "../resolve-sizes.ts";

/** What `createCudaExecutor` takes. `memory` is not used: everything is in the pool. */
export interface CudaExecutorOptions extends Omit<ExecutorOptions, "memory"> {
  readonly pool: CudaMemoryPool;
}

/** Sizes with defaults filled in. */
export interface ResolvedCudaSizes extends Required<
  Omit<PagedExecutorSizes, "productPrecision" | "productLibrary" | "computeCapability">
> {
  readonly kvCacheDtype: KvCacheDtype;
  /** `undefined`: `16-bit` where it can be. */
  readonly productPrecision: ProductPrecision | undefined;
  readonly productLibrary: ProductLibrary;
}

/** The types of a KV cache. */
export const cudaKvCacheDtypes = ["float32", "bfloat16", "int8"] as const;

/** Positions in a page of the KV cache. */
export const pageTokens = 16;
/** Pages are counted in 32 bits. */
const mostCacheTokens = pageTokens * (2 ** 31 - 1);
const cudaSizeNames = [...sizeNames, "kvCacheTokens", "computeCapability"];
const optionNames = [
  ...cudaSizeNames,
  "model",
  "pool",
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
export function assertCudaOptions(options: Partial<CudaExecutorOptions>): void {
  assertOptions(options, optionNames);
  assertUnset(options, ["threads"]);
  assertCudaRuntime(options.runtime);
  assertCudaPool(options.pool);
}

/** There is one way to call the driver. @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function assertCudaRuntime(runtime: string = "auto"): void {
  if (runtime === "auto" || runtime === "driver") return;
  throw invalidOption("runtime", '"auto" or "driver"', runtime);
}

/** Checks that there are no other sizes. @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function assertCudaSizes(sizes: object): void {
  assertKnownKeys(sizes, cudaSizeNames);
}

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function resolveCudaSizes(model: ExecutorModel, options: PagedExecutorSizes): ResolvedCudaSizes {
  const sizes = resolveCommonSizes(model, options);
  const sequencePages = Math.ceil(sizes.contextTokens / pageTokens);
  // More than all sequences fill keeps prompts that have ended.
  const { kvCacheTokens = sizes.maxSequences * sequencePages * pageTokens, productPrecision } = options;
  assertCount("kvCacheTokens", kvCacheTokens, mostCacheTokens);
  return Object.freeze({
    ...sizes,
    kvCacheTokens,
    kvCacheDtype: resolveKvCacheDtype(model, options.kvCacheDtype),
    productPrecision: assertProductPrecision(productPrecision),
    productLibrary: parseProductLibrary(options.productLibrary),
  });
}

function assertProductPrecision(name: ProductPrecision | undefined): ProductPrecision | undefined {
  if (name === undefined || name === "float32" || name === "16-bit") return name;
  throw invalidOption("productPrecision", '"float32" or "16-bit"', name);
}

function parseProductLibrary(name: ProductLibrary = "none"): ProductLibrary {
  if (name === "none" || name === "cublasLt") return name;
  throw invalidOption("productLibrary", '"none" or "cublasLt"', name);
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
  return parseKvCacheDtype(name, cudaKvCacheDtypes);
}
