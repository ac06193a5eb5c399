import type { StoredWeight, TensorInfo, WeightIndex } from "@infernode/models";
import type { ExecutorMemoryPlan } from "../executor.ts";
import { logitRowCount } from "../slots/logit-rows.ts";
import { kvBytesPerToken, type KvSlotsShape, slotsBytes, slotsOfSequences } from "../slots/kv-slots.ts";
import { cachedHeadDim } from "./graph/head-inputs.ts";
import {
  type CountedWeight,
  type NetworkSummary,
  storedWeight,
  summarizeNetwork,
  tensorsOf,
} from "../network/network-summary.ts";
import type { ExecutorModel, ExecutorSizes } from "../executor-provider.ts";
import type { ResolvedSizes } from "../resolve-sizes.ts";
import { resolveOnnxMemoryOptions } from "./onnx-options.ts";
import { lengthRotationBytes } from "../rotation/length-rotations.ts";
import { ropeTableBytes } from "../rotation/rope-table.ts";
import { roundedCacheBytes } from "./rounded-cache.ts";
import { maskBytes } from "./adapters/adapter-inputs.ts";
import { adapterBytes, type AdapterSizes } from "../adapters/adapter-store.ts";

const floatBytes = 4;
/** The runtime packs matrices in panels of this many columns. */
const panelColumns = 16;

/**
 * Plans the memory of an executor from the config and the weight index; reads no weights.
 *
 * Weights: when the model loads, the runtime packs matrices of any dtype into float32; the embedding is mapped from
 * its file as stored. KV cache, logits and tables are exact; the runtime's activations are an upper estimate for one
 * chunk of a prompt.
 *
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`
 */
export function planOnnxMemory(model: ExecutorModel, options: ExecutorSizes): ExecutorMemoryPlan {
  return planResolved(model, resolveOnnxMemoryOptions(model, options));
}

/** Does the same with resolved options. */
export function planResolved(model: ExecutorModel, sizes: ResolvedSizes): ExecutorMemoryPlan {
  const summary = summarizeNetwork(model);
  const adapters = adapterSizes(sizes);
  const weightsBytes =
    countWeightBytes(summary.weights, model.weights) +
    adapterBytes([...summary.adaptable.values()], adapters);
  const shape = kvShape(model, sizes);
  const kvCacheBytes =
    shape.dtype === "int8" ? roundedCacheBytes(shape, exactTokens(sizes)) : slotsBytes(shape);
  const activationsBytes = logitRowCount(sizes) * summary.vocabSize * floatBytes + chunkBytes(summary, sizes);
  const workspaceBytes =
    ropeTableBytes(model.config, sizes) +
    inputBytes(sizes.maxSequences, sizes.maxChunkTokens) +
    maskBytes(sizes.maxSequences, adapters) +
    lengthRotationBytes(model.config, sizes);
  return Object.freeze({
    weightsBytes,
    kvCacheBytes,
    activationsBytes,
    workspaceBytes,
    totalBytes: weightsBytes + kvCacheBytes + activationsBytes + workspaceBytes,
    kvBytesPerToken: kvBytesPerToken(shape),
    kvCacheDtype: sizes.kvCacheDtype,
    productPrecision: "float32",
    productLibrary: "none",
    kvHeadDim: shape.headDim,
    maxSequences: sizes.maxSequences,
    contextTokens: sizes.contextTokens,
  });
}

/** How many adapters there is room for. */
export function adapterSizes({ maxAdapters, maxAdapterRank }: ResolvedSizes): AdapterSizes {
  return { maxAdapters, maxRank: maxAdapterRank };
}

/** Shape of the KV cache: one slot per sequence, of the whole context. */
export function kvShape(model: ExecutorModel, sizes: ResolvedSizes): KvSlotsShape {
  const headDim = cachedHeadDim(model.config.headDim);
  return slotsOfSequences(model, sizes, { headDim, dtype: sizes.kvCacheDtype });
}

/**
 * Tokens of a prompt that are kept in float32 beside a cache of int8: a chunk at least, and no more than makes another
 * quarter of the cache. Prompts that are longer are computed on int8 from there on, which is slower.
 */
export function exactTokens({ maxSequences, contextTokens, maxChunkTokens }: ResolvedSizes): number {
  return Math.min(contextTokens, Math.max(maxChunkTokens, Math.ceil((maxSequences * contextTokens) / 16)));
}

/** Bytes of the small inputs: ids, last positions and rows, for decodes and for one chunk, and single numbers. */
export function inputBytes(maxSequences: number, maxChunkTokens: number): number {
  return (3 * maxSequences + 2 * maxChunkTokens + 8) * Int32Array.BYTES_PER_ELEMENT;
}

function countWeightBytes(counted: readonly CountedWeight[], weights: Pick<WeightIndex, "weight">): number {
  const bytesByName = new Map<string, number>();
  for (const { ref, use } of counted) {
    const [rows = 0, columns = 1] = ref.shape;
    // A tied embedding counts twice: as stored for the lookup, and packed for the logits.
    const key = use === "matrix" ? `${ref.name} packed` : ref.name;
    if (use === "embedding") bytesByName.set(key, bytesOf(storedWeight(weights, ref.name)));
    if (use === "vector") bytesByName.set(key, rows * floatBytes);
    if (use === "matrix") {
      const weight = storedWeight(weights, ref.name);
      // Packed beside the sum of each block, which has the size of its scale.
      const packedBytes =
        weight.encoding === "block-quantized"
          ? bytesOf(weight) + sizeOf(weight.scales)
          : Math.ceil(rows / panelColumns) * panelColumns * columns * floatBytes;
      bytesByName.set(key, packedBytes);
    }
  }
  return [...bytesByName.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function sizeOf({ startByte, endByte }: TensorInfo): number {
  return endByte - startByte;
}

function bytesOf(weight: StoredWeight): number {
  return tensorsOf(weight).reduce((sum, tensor) => sum + sizeOf(tensor), 0);
}

/** What the runtime holds at the widest point of one layer while a chunk runs. */
function chunkBytes(
  summary: NetworkSummary,
  { maxChunkTokens, contextTokens, kvCacheDtype, maxAdapters, maxAdapterRank }: ResolvedSizes,
): number {
  let widestAttention = 0;
  for (const { headCount, kvHeadCount, headDim: ownDim, sinks, softCap } of summary.attentions) {
    const headDim = cachedHeadDim(ownDim);
    // Queries, keys and values as computed, transposed, and rotated; and the output.
    const heads = 4 * headCount + 6 * kvHeadCount;
    // Before that, keys and values are rounded, in two steps.
    const roundedHeads = kvCacheDtype === "int8" ? headCount + 4 * kvHeadCount : 0;
    // With sinks or a cap the runtime holds the scores of all heads at once.
    const scores = sinks === undefined && softCap === undefined ? 0 : headCount * contextTokens;
    widestAttention = Math.max(widestAttention, (heads + roundedHeads) * headDim + scores);
  }
  const widestMlp = Math.max(3 * summary.widestGate, summary.widestExperts);
  const widest = Math.max(widestAttention, widestMlp) + 3 * summary.hiddenWidth;
  // A product, beside what an adapter makes of it.
  const widestProduct = Math.max(0, ...Array.from(summary.adaptable.values(), ({ shape }) => shape[0] ?? 0));
  const adapted = maxAdapters === 0 ? 0 : widestProduct + 2 * maxAdapterRank;
  return maxChunkTokens * (widest + adapted) * floatBytes;
}
