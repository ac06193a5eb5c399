import { embeddingWeight } from "./decoders/decoder-weights.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { ModelWarning } from "./model-warning.ts";
import { areTensorsEqual } from "../weights/are-tensors-equal.ts";
import { isSameShape } from "../weights/shape.ts";
import { renameWeight } from "../weights/weight-index.ts";
import type { WeightIndex } from "../weights/weight-index.ts";

const headName = "lm_head.weight";

/** A config and weights that agree about the output head. */
export interface TiedHead {
  readonly config: ModelConfig;
  readonly weights: WeightIndex;
  readonly warning: ModelWarning | undefined;
}

/**
 * Resolves the output head of a checkpoint whose config ties it to the embedding, as transformers does: where
 * both are stored and differ, they are not tied; where only the head is stored, it is the embedding too.
 *
 * @throws ModelError `FILE_UNREADABLE`
 * @see transformers, `PreTrainedModel.tie_weights` in `modeling_utils.py`
 */
export async function resolveTiedHead(config: ModelConfig, weights: WeightIndex): Promise<TiedHead> {
  const unchanged = { config, weights, warning: undefined };
  if (!config.hasTiedEmbeddings) return unchanged;
  const { name, shape } = embeddingWeight(config);
  const embedding = weights.weight(name);
  const head = weights.weight(headName);
  if (head === undefined) return unchanged;
  if (embedding === undefined) return { ...unchanged, weights: renameWeight(weights, headName, name) };
  // `assertWeightsFit` reports another shape.
  const areComparable = [head, embedding].every(
    (weight) => weight.encoding === "dense" && isSameShape(weight.shape, shape),
  );
  const stored = [
    [name, embedding.data],
    [headName, head.data],
  ] as const;
  if (areComparable && (await areTensorsEqual(weights, ...stored))) return unchanged;
  const message =
    `the config ties the output head to the embedding (tie_word_embeddings), but ${headName} is stored and ` +
    `differs from ${name}: the stored head is used, as in transformers`;
  return {
    config: Object.freeze({ ...config, hasTiedEmbeddings: false }),
    weights,
    warning: { code: "HEAD_NOT_TIED", message },
  };
}
