import type { Activation } from "@infernode/models";
import type { NodeDetails } from "./quantized-operators.ts";

/** The operators of activations, and what belongs to a node of each. */
export const activationOperators: Readonly<
  Record<Activation | "sigmoid", readonly [op: string, details: NodeDetails]>
> = {
  // QuickGelu with alpha 1 is silu, in one pass over the data.
  silu: ["QuickGelu", { domain: "com.microsoft", attributes: { alpha: { float: 1 } } }],
  sigmoid: ["Sigmoid", {}],
  quick_gelu: ["QuickGelu", { domain: "com.microsoft", attributes: { alpha: { float: 1.702 } } }],
  gelu: ["Gelu", {}],
  gelu_tanh: ["Gelu", { attributes: { approximate: "tanh" } }],
};
