import type { AttentionRotary } from "@infernode/models";
import type { TensorFlow, TfTensor } from "../runtime/tensorflow.ts";
import type { PassRotation } from "./pass.ts";

/** Rotates the first features of each head: `(rows, heads, headDim)` → `(rows, heads, headDim)`. */
export function rotate(
  tf: TensorFlow,
  x: TfTensor,
  rotation: (Pick<AttentionRotary, "dim" | "isInterleaved"> & PassRotation) | undefined,
): TfTensor {
  if (rotation === undefined) return x;
  const { dim, isInterleaved, cos, sin } = rotation;
  const [rowCount = 0, headCount = 0, headDim = 0] = x.shape;
  const pairCount = dim / 2;
  const part = (from: TfTensor, start: number, size: number): TfTensor =>
    tf.slice(from, [0, 0, start], [rowCount, headCount, size]);
  const turned = dim === headDim ? x : part(x, 0, dim);
  const pairs = tf.reshape(turned, [rowCount, headCount, pairCount, 2]);
  const neighbour = (at: number): TfTensor => {
    const one = tf.slice(pairs, [0, 0, 0, at], [rowCount, headCount, pairCount, 1]);
    return tf.reshape(one, [rowCount, headCount, pairCount]);
  };
  const [a, b] = isInterleaved
    ? [neighbour(0), neighbour(1)]
    : [part(turned, 0, pairCount), part(turned, pairCount, pairCount)];
  const first = tf.sub(tf.mul(a, cos), tf.mul(b, sin));
  const second = tf.add(tf.mul(b, cos), tf.mul(a, sin));
  const rest = dim === headDim ? [] : [part(x, dim, headDim - dim)];
  if (!isInterleaved) return tf.concat([first, second, ...rest], -1);
  const column = (each: TfTensor): TfTensor => tf.reshape(each, [rowCount, headCount, pairCount, 1]);
  const joined = tf.reshape(tf.concat([column(first), column(second)], -1), [rowCount, headCount, dim]);
  return rest.length === 0 ? joined : tf.concat([joined, ...rest], -1);
}
