import { adapterBytes } from "../adapters/adapter-store.ts";
import type { ExecutorMemoryPlan } from "../executor.ts";
import type { ExecutorModel, ExecutorSizes } from "../executor-provider.ts";
import { type NetworkSummary, storedWeight, summarizeNetwork } from "../network/network-summary.ts";
import type { ResolvedSizes } from "../resolve-sizes.ts";
import { lengthRotationBytes } from "../rotation/length-rotations.ts";
import { ropeTableBytes } from "../rotation/rope-table.ts";
import { kvBytesPerToken, type KvSlotsShape, slotsBytes, slotsOfSequences } from "../slots/kv-slots.ts";
import { logitRowCount } from "../slots/logit-rows.ts";
import { mostScores } from "./program/attend.ts";
import { resolveTfjsMemoryOptions } from "./tfjs-options.ts";
import { tableBytes } from "./weights/look-up-table.ts";

const floatBytes = 4;
/** WebAssembly multiplies with a copy of a matrix in the order of its products; others have the matrix alone. */
const matrixCopies = 2;

/**
 * Plans the memory of an executor from the config and the weight index; reads no weights. KV cache, logits and tables are
 * exact; weights and what a pass computes are upper estimates over all runtimes.
 *
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`, `SHAPE_MISMATCH`
 */
export function planTfjsMemory(model: ExecutorModel, options: ExecutorSizes): ExecutorMemoryPlan {
  return planResolved(model, resolveTfjsMemoryOptions(model, options));
}

/** Does the same with resolved options. */
export function planResolved(model: ExecutorModel, sizes: ResolvedSizes): ExecutorMemoryPlan {
  const summary = summarizeNetwork(model);
  const shape = kvShape(model, sizes);
  const adapters = { maxAdapters: sizes.maxAdapters, maxRank: sizes.maxAdapterRank };
  const weightsBytes =
    countWeightBytes(model, summary) + adapterBytes([...summary.adaptable.values()], adapters);
  const kvCacheBytes = slotsBytes(shape);
  const activationsBytes = logitRowCount(sizes) * summary.vocabSize * floatBytes + passBytes(summary, sizes);
  const workspaceBytes = ropeTableBytes(model.config, sizes) + lengthRotationBytes(model.config, sizes);
  return Object.freeze({
    weightsBytes,
    kvCacheBytes,
    activationsBytes,
    workspaceBytes,
    totalBytes: weightsBytes + kvCacheBytes + activationsBytes + workspaceBytes,
    kvBytesPerToken: kvBytesPerToken(shape),
    kvCacheDtype: shape.dtype,
    productPrecision: "float32",
    productLibrary: "none",
    kvHeadDim: shape.headDim,
    maxSequences: sizes.maxSequences,
    contextTokens: sizes.contextTokens,
  });
}

/** Shape of the KV cache: one slot per sequence, of the whole context. */
export function kvShape(model: ExecutorModel, sizes: ResolvedSizes): KvSlotsShape {
  return slotsOfSequences(model, sizes, { headDim: model.config.headDim, dtype: "float32" });
}

function countWeightBytes({ weights }: ExecutorModel, summary: NetworkSummary): number {
  const bytesByUse = new Map<string, number>();
  for (const { ref, use } of summary.weights) {
    const count = ref.shape.reduce((product, size) => product * size, 1);
    const bytes =
      use === "embedding"
        ? tableBytes(ref, storedWeight(weights, ref.name))
        : count * floatBytes * (use === "matrix" ? matrixCopies : 1);
    // A tied embedding is a table and a matrix.
    bytesByUse.set(`${use} ${ref.name}`, bytes);
  }
  return [...bytesByUse.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** What is held at the widest point of one layer, where a step makes several values of its inputs. */
function passBytes(
  summary: NetworkSummary,
  { maxChunkTokens, maxSequences, contextTokens, maxAdapters, maxAdapterRank }: ResolvedSizes,
): number {
  const rowCount = Math.max(maxChunkTokens, maxSequences);
  let widestAttention = 0;
  let scores = 0;
  for (const { headCount, kvHeadCount, headDim } of summary.attentions) {
    const rows = rowCount * (8 * headCount + 8 * kvHeadCount) * headDim;
    const cached = 2 * contextTokens * kvHeadCount * headDim;
    widestAttention = Math.max(widestAttention, rows + cached);
    // One query at least is computed with all its keys.
    const atOnce = Math.min(
      rowCount * contextTokens * headCount,
      Math.max(mostScores, contextTokens * headCount),
    );
    scores = Math.max(scores, 5 * atOnce);
  }
  const widestMlp = rowCount * Math.max(6 * summary.widestGate, summary.widestExperts);
  const hidden = rowCount * 6 * summary.hiddenWidth;
  const adapted = maxAdapters === 0 ? 0 : rowCount * 2 * (summary.widestGate + maxAdapterRank);
  return (Math.max(widestAttention + scores, widestMlp + adapted) + hidden) * floatBytes;
}
