import type { AttentionOptions, QueryScaling } from "@infernode/models";
import { numbersOf, type TensorFlow, type TfTensor } from "../runtime/tensorflow.ts";
import { limit } from "./activations.ts";
import { LayerCache } from "./layer-cache.ts";
import type { Pass, PassSequence } from "./pass.ts";
import { rotate } from "./rotate.ts";

/** Scores that are computed at once: more queries are computed in parts. */
export const mostScores: number = 2 ** 22;
/** In place of the score of a key that a query must not see. */
const hiddenScore = -1e30;

/** Queries, keys and values of all rows, and the scores of sinks `(heads)`. */
interface Projections {
  readonly q: TfTensor;
  readonly k: TfTensor;
  readonly v: TfTensor;
  readonly sinks: TfTensor | undefined;
}

/** Rotates queries and keys, caches keys and values, and attends: → `(rows, heads · headDim)`. */
export function attend({ q, k, v, sinks }: Projections, options: AttentionOptions, pass: Pass): TfTensor {
  const { tf, positions, sequences } = pass;
  const { headCount, kvHeadCount, headDim, queryScaling, rotary, layerIndex } = options;
  const rowCount = positions.length;
  const rotation = rotary && { ...rotary, ...pass.rotationOf(rotary) };
  const heads = (x: TfTensor, count: number): TfTensor => tf.reshape(x, [rowCount, count, headDim]);
  const scaled = scaleByPosition(pass, heads(q, headCount), queryScaling);
  const queries = rotate(tf, scaled, rotation);
  const keys = numbersOf(rotate(tf, heads(k, kvHeadCount), rotation));
  const values = numbersOf(v);
  const cache = new LayerCache(pass.kv, layerIndex);
  const parts = sequences.map((sequence) => {
    cache.append(sequence, keys, values);
    const own = tf.slice(queries, [sequence.firstRow, 0, 0], [sequence.rowCount, headCount, headDim]);
    return attendSequence(tf, { queries: own, sinks, cache, sequence }, options);
  });
  return parts.length === 1 ? parts[0]! : tf.concat(parts, 0);
}

interface SequenceAttention {
  /** `(rows, heads, headDim)` */
  readonly queries: TfTensor;
  readonly sinks: TfTensor | undefined;
  readonly cache: LayerCache;
  readonly sequence: PassSequence;
}

function attendSequence(
  tf: TensorFlow,
  { queries, sinks, cache, sequence }: SequenceAttention,
  options: AttentionOptions,
): TfTensor {
  const { headCount, headDim, slidingWindowTokens = Infinity } = options;
  const { startPosition, rowCount, slot } = sequence;
  const most = Math.max(1, Math.floor(mostScores / (headCount * (startPosition + rowCount))));
  const parts: TfTensor[] = [];
  for (let start = 0; start < rowCount; start += most) {
    const count = Math.min(most, rowCount - start);
    const position = startPosition + start;
    const first = Math.max(0, position - slidingWindowTokens + 1);
    const range = { slot, first, end: position + count };
    const part = tf.tidy(() => {
      const own =
        count === rowCount ? queries : tf.slice(queries, [start, 0, 0], [count, headCount, headDim]);
      const mask = maskOf(tf, { count, position, first, window: slidingWindowTokens });
      const block = {
        queries: own,
        sinks,
        mask,
        keys: cache.keys(tf, range),
        values: cache.values(tf, range),
      };
      return attendBlock(tf, block, options);
    });
    parts.push(part);
  }
  return parts.length === 1 ? parts[0]! : tf.concat(parts, 0);
}

interface QueryBlock {
  /** `(rows, heads, headDim)` */
  readonly queries: TfTensor;
  /** `(kvHeads, tokens, headDim)` */
  readonly keys: TfTensor;
  readonly values: TfTensor;
  /** `(1, rows, tokens)`, added to scores. */
  readonly mask: TfTensor | undefined;
  readonly sinks: TfTensor | undefined;
}

/** Heads that share keys are rows of one product. */
function attendBlock(
  tf: TensorFlow,
  { queries, keys, values, mask, sinks }: QueryBlock,
  { headCount, kvHeadCount, headDim, scale, softCap }: AttentionOptions,
): TfTensor {
  const rowCount = queries.shape[0]!;
  const tokenCount = keys.shape[1]!;
  const rowsOfKeys = (headCount / kvHeadCount) * rowCount;
  const byHead = tf.transpose(queries, [1, 0, 2]);
  const products = tf.matMul(tf.reshape(byHead, [kvHeadCount, rowsOfKeys, headDim]), keys, false, true);
  const scores = limit(tf, tf.mul(products, scale), softCap);
  const ofHeads = tf.reshape(scores, [headCount, rowCount, tokenCount]);
  const visible = mask === undefined ? ofHeads : tf.add(ofHeads, mask);
  const weights = tf.reshape(softmax(tf, visible, sinks), [kvHeadCount, rowsOfKeys, tokenCount]);
  const outputs = tf.reshape(tf.matMul(weights, values), [headCount, rowCount, headDim]);
  return tf.reshape(tf.transpose(outputs, [1, 0, 2]), [rowCount, headCount * headDim]);
}

/** Sinks are scores of one more key, which has no values. */
function softmax(tf: TensorFlow, scores: TfTensor, sinks: TfTensor | undefined): TfTensor {
  if (sinks === undefined) return tf.softmax(scores, -1);
  const [headCount = 0, rowCount = 0, tokenCount = 0] = scores.shape;
  const ones = tf.tensor(new Float32Array(rowCount).fill(1), [1, rowCount, 1]);
  const ofRows = tf.mul(tf.reshape(sinks, [headCount, 1, 1]), ones);
  const weights = tf.softmax(tf.concat([scores, ofRows], -1), -1);
  return tf.slice(weights, [0, 0, 0], [headCount, rowCount, tokenCount]);
}

/** Of one row nothing is hidden: the keys are those that it sees. */
function maskOf(
  tf: TensorFlow,
  { count, position, first, window }: Readonly<Record<"count" | "position" | "first" | "window", number>>,
): TfTensor | undefined {
  if (count === 1) return undefined;
  const tokenCount = position + count - first;
  const mask = new Float32Array(count * tokenCount);
  for (let row = 0; row < count; row += 1) {
    const seenEnd = position + row + 1 - first;
    const seenStart = Math.max(0, seenEnd - window);
    mask.fill(hiddenScore, row * tokenCount, row * tokenCount + seenStart);
    mask.fill(hiddenScore, row * tokenCount + seenEnd, (row + 1) * tokenCount);
  }
  return tf.tensor(mask, [1, count, tokenCount]);
}

function scaleByPosition(
  { tf, positions }: Pass,
  queries: TfTensor,
  scaling: QueryScaling | undefined,
): TfTensor {
  if (scaling === undefined) return queries;
  const { beta, originalContextTokens } = scaling;
  const factors = Float32Array.from(
    positions,
    (position) => 1 + beta * Math.log(1 + Math.floor(position / originalContextTokens)),
  );
  return tf.mul(queries, tf.tensor(factors, [positions.length, 1, 1]));
}
