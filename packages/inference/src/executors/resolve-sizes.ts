import { assertCount, assertModel, invalidOption, isCount } from "./assert-options.ts";
import type { KvCacheDtype, SlotDtype } from "./executor.ts";
import type { ExecutorModel, ExecutorSizes } from "./executor-provider.ts";

/** Sizes with defaults filled in, of an executor whose cache is in slots. */
export interface ResolvedSizes extends CommonSizes {
  readonly kvCacheDtype: SlotDtype;
}

type CommonSizes = Omit<Required<ExecutorSizes>, "kvCacheDtype" | "productPrecision" | "productLibrary">;

/** Names of the options that are sizes. */
export const sizeNames: readonly string[] = [
  "maxSequences",
  "contextTokens",
  "maxChunkTokens",
  "kvCacheDtype",
  "productPrecision",
  "productLibrary",
  "maxAdapters",
  "maxAdapterRank",
];
const defaultChunkTokens = 512;
const defaultAdapterRank = 16;

/**
 * Fills in all sizes, the type of the KV cache with the first one that the executor has.
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`
 */
export function resolveSizes(
  model: ExecutorModel,
  options: ExecutorSizes,
  kvCacheDtypes: readonly [SlotDtype, ...SlotDtype[]],
): ResolvedSizes {
  const { productPrecision = "float32", productLibrary = "none" } = options;
  if (productPrecision !== "float32") {
    throw invalidOption("productPrecision", '"float32", which this executor computes with', productPrecision);
  }
  if (productLibrary !== "none") {
    const expected = '"none", as only the CUDA executor computes with a library of products';
    throw invalidOption("productLibrary", expected, productLibrary);
  }
  const { kvCacheDtype = kvCacheDtypes[0] } = options;
  return {
    ...resolveCommonSizes(model, options),
    kvCacheDtype: parseKvCacheDtype(kvCacheDtype, kvCacheDtypes),
  };
}

/**
 * Fills in what does not depend on how keys and values are stored.
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`
 */
export function resolveCommonSizes(model: ExecutorModel, options: ExecutorSizes): CommonSizes {
  assertModel(model);
  const limit = model.config.contextTokens;
  const { maxSequences, contextTokens = limit } = options;
  assertCount("maxSequences", maxSequences, 4096);
  if (!isCount(contextTokens, limit)) {
    throw invalidOption("contextTokens", `an integer from 1 to ${limit}, the model's context`, contextTokens);
  }
  const { maxChunkTokens = Math.min(defaultChunkTokens, contextTokens) } = options;
  assertCount("maxChunkTokens", maxChunkTokens, contextTokens);
  const { maxAdapters = 0, maxAdapterRank = defaultAdapterRank } = options;
  if (maxAdapters !== 0) assertCount("maxAdapters", maxAdapters, 1024);
  assertCount("maxAdapterRank", maxAdapterRank, 4096);
  return { maxSequences, contextTokens, maxChunkTokens, maxAdapters, maxAdapterRank };
}

/** The type of a KV cache, among those that an executor has. @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function parseKvCacheDtype<Dtype extends KvCacheDtype>(name: string, known: readonly Dtype[]): Dtype {
  const dtype = known.find((each) => each === name);
  if (dtype !== undefined) return dtype;
  const names = known.map((each) => JSON.stringify(each)).join(", ");
  const expected = `${names.replace(/, ([^,]*)$/, " or $1")} with this executor`;
  throw invalidOption("kvCacheDtype", expected, name);
}
