import type { Activation } from "@infernode/models";
import type { TensorFlow, TfTensor } from "../runtime/tensorflow.ts";

type Apply = (tf: TensorFlow, x: TfTensor) => TfTensor;

const half = (tf: TensorFlow, x: TfTensor, grown: TfTensor): TfTensor =>
  tf.mul(tf.mul(x, 0.5), tf.add(grown, 1));

/** The functions of an MLP. */
export const activations: Readonly<Record<Activation | "sigmoid", Apply>> = {
  sigmoid: (tf, x) => tf.sigmoid(x),
  silu: (tf, x) => tf.mul(x, tf.sigmoid(x)),
  quick_gelu: (tf, x) => tf.mul(x, tf.sigmoid(tf.mul(x, 1.702))),
  gelu: (tf, x) => half(tf, x, tf.erf(tf.mul(x, Math.SQRT1_2))),
  gelu_tanh: (tf, x) => {
    const cubed = tf.mul(tf.mul(tf.square(x), x), 0.044_715);
    return half(tf, x, tf.tanh(tf.mul(tf.add(x, cubed), Math.sqrt(2 / Math.PI))));
  },
};

/** `cap · tanh(x / cap)`, or `x` where there is no cap. */
export function limit(tf: TensorFlow, x: TfTensor, cap: number | undefined): TfTensor {
  return cap === undefined ? x : tf.mul(tf.tanh(tf.div(x, cap)), cap);
}
