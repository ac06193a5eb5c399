import type { OnnxGraph } from "./onnx-graph.ts";
import type { GraphWriter } from "./quantized-operators.ts";
import type { OnnxValue, TokenValues } from "./token-values.ts";

/** Names of the inputs of one product. */
export interface AdapterInputNames {
  readonly down: string;
  readonly up: string;
  readonly mask: string;
}

/** The inputs that change the product with a weight. */
export function adapterInputNames(weightName: string): AdapterInputNames {
  return { down: `lora_down:${weightName}`, up: `lora_up:${weightName}`, mask: `lora_mask:${weightName}` };
}

/**
 * Writes what adapters add to a product: `((x · downᵀ) ⊙ mask) · up`. The matrices of several adapters are one below
 * the other, `down` `(R, in)` and `up` `(R, out)`; the mask `(tokens or 1, R)` has 1 where a row is of a token's own
 * adapter, and 0 elsewhere. With no rows, the product stays as it is.
 */
export class AdapterProducts {
  readonly #writer: GraphWriter;
  readonly #values: TokenValues;
  readonly #graph: Pick<OnnxGraph, "addInput">;

  constructor(writer: GraphWriter, values: TokenValues, graph: Pick<OnnxGraph, "addInput">) {
    this.#writer = writer;
    this.#values = values;
    this.#graph = graph;
  }

  /** Adds to the product `base` of `x`. */
  add(
    x: OnnxValue,
    base: OnnxValue,
    weight: { readonly name: string; readonly shape: readonly number[] },
  ): OnnxValue {
    const [writer, values, graph] = [this.#writer, this.#values, this.#graph];
    const [outputSize = 0, inputSize = 0] = weight.shape;
    const names = adapterInputNames(weight.name);
    const rows = `rows of ${weight.name}`;
    graph.addInput({ name: names.down, dtype: "float32", shape: [rows, inputSize] });
    graph.addInput({ name: names.up, dtype: "float32", shape: [rows, outputSize] });
    graph.addInput({ name: names.mask, dtype: "float32", shape: [`tokens of ${weight.name}`, rows] });
    const inner = writer.node("Gemm", [values.name(x, "flat"), names.down], { attributes: { transB: 1 } });
    const own = writer.node("Mul", [inner, names.mask]);
    const sum = writer.node("Gemm", [own, names.up, values.name(base, "flat")]);
    return { width: base.width, names: { flat: sum } };
  }
}
