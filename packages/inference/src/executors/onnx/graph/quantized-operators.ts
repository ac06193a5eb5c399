import type { BlockQuantizedWeight, TensorInfo } from "@infernode/models";
import { InferenceError } from "../../../errors.ts";
import { RowProducts } from "./row-products.ts";
import type { OnnxAttribute, OnnxDtype } from "./onnx-graph.ts";
import type { TokenShape } from "./token-values.ts";

/** Further parts of a node. The output is named after the operator by default. */
export interface NodeDetails {
  readonly output?: string;
  /** Names of the outputs after the first; an empty string omits one. */
  readonly moreOutputs?: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** How the bytes of a tensor are read. */
export interface TensorView {
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
}

/** Writes the parts of a graph; each method returns the name of a value. */
export interface GraphWriter {
  readonly node: (op: string, inputs: readonly string[], more?: NodeDetails) => string;
  readonly reshape: (x: string, shape: readonly number[]) => string;
  /** A constant of whole numbers. */
  readonly integers: (values: readonly number[]) => string;
  /** A constant of few bytes. */
  readonly constant: (name: string, view: TensorView, data: Uint8Array) => string;
  /** Refers to a tensor where it is stored. */
  readonly tensor: (tensor: TensorInfo, view: TensorView) => string;
}

const domain = "com.microsoft";

/** Writes operators that compute with weights in blocks. */
export class QuantizedOperators {
  readonly #writer: GraphWriter;
  /** What is in the graph already: queries, keys and values have the same inputs. */
  readonly #shared = new Map<string, string>();
  readonly #rows: RowProducts;

  constructor(writer: GraphWriter) {
    this.#writer = writer;
    this.#rows = new RowProducts(writer);
  }

  /** `x · weightᵀ + bias`. */
  product(
    input: string,
    weight: BlockQuantizedWeight,
    { bias, output }: { readonly bias?: string | undefined; readonly output?: string | undefined },
  ): string {
    if (weight.rotation !== undefined) return this.#rows.product(input, weight, { bias, output });
    const [rows = 0, columns = 0] = weight.shape;
    const { bits, blockSize, data, scales, zeroPoints, minima, columnOrder } = weight;
    const x = columnOrder === undefined ? input : this.#ordered(input, columnOrder);
    const shape = [rows, blockCount(weight), (blockSize * bits) / 8];
    const inputs = [x, this.#writer.tensor(data, { dtype: "uint8", shape }), this.#perBlock(weight, scales)];
    if (zeroPoints !== undefined) inputs.push(this.#zeroPoints(weight, zeroPoints));
    if (bias !== undefined) {
      while (inputs.length < 5) inputs.push("");
      inputs.push(bias);
    }
    // Level 4 rounds activations to 8 bits, row by row: half the time of level 1.
    const attributes = { K: columns, N: rows, bits, block_size: blockSize, accuracy_level: 4 };
    const named = output === undefined ? {} : { output };
    if (minima === undefined) {
      return this.#writer.node("MatMulNBits", inputs, { ...named, domain, attributes });
    }
    const product = this.#writer.node("MatMulNBits", inputs, { domain, attributes });
    // What is added to all numbers of a block is multiplied with the sum of the block's inputs.
    const added = [this.#blockSums(x, weight), this.#perBlock(weight, minima), product];
    return this.#writer.node("Gemm", added, { ...named, attributes: { transB: 1 } });
  }

  /** The rows of an embedding: `(B, S)` → `(B, S, columns)`. */
  rows(weight: BlockQuantizedWeight, tokenIds: string): string {
    const { bits, blockSize, data, shape, scales, zeroPoints, minima, columnOrder } = weight;
    if (columnOrder !== undefined) {
      const mismatch = { expected: "an embedding with its columns in order", got: "an order of columns" };
      throw new InferenceError("UNSUPPORTED_MODEL", { field: data.name, ...mismatch });
    }
    const [rows = 0, columns = 0] = shape;
    const blocks = blockCount(weight);
    // The same bytes as a product has them, under a name of their own for another shape.
    const matrix = this.#writer.tensor(
      { ...data, name: `${data.name}.rows` },
      { dtype: "uint8", shape: [rows, (blocks * blockSize * bits) / 8] },
    );
    const gathered = this.#writer.node(
      "GatherBlockQuantized",
      [
        matrix,
        tokenIds,
        this.#perBlock(weight, scales),
        ...(zeroPoints === undefined ? [] : [this.#zeroPoints(weight, zeroPoints)]),
      ],
      {
        domain,
        attributes: { gather_axis: 0, quantize_axis: 1, block_size: blockSize, bits },
      },
    );
    if (minima === undefined) return gathered;
    const added = this.#writer.node("Gather", [this.#perBlock(weight, minima), tokenIds]);
    const sum = this.#writer.node("Add", [
      this.#writer.reshape(gathered, [0, 0, blocks, blockSize]),
      this.#writer.reshape(added, [0, 0, blocks, 1]),
    ]);
    return this.#writer.reshape(sum, [0, 0, columns]);
  }

  /** The sums over the columns of each block: `(tokens, columns)` → `(tokens, blocks)`. */
  #blockSums(x: string, weight: BlockQuantizedWeight): string {
    const { blockSize } = weight;
    return this.#once(`sums ${x} ${blockSize}`, () => {
      const blocks = this.#writer.reshape(x, [-1, blockCount(weight), blockSize]);
      return this.#writer.node("ReduceSum", [blocks, this.#writer.integers([2])], {
        attributes: { keepdims: 0 },
      });
    });
  }

  /** The columns of `x` in another order. */
  #ordered(x: string, order: TensorInfo): string {
    return this.#once(`order ${x} ${order.name}`, () => {
      const indices = this.#writer.tensor(order, { dtype: "int32", shape: order.shape });
      return this.#writer.node("Gather", [x, indices], { attributes: { axis: -1 } });
    });
  }

  #once(key: string, create: () => string): string {
    const value = this.#shared.get(key) ?? create();
    this.#shared.set(key, value);
    return value;
  }

  /** A whole number for each block, packed as the weights are. */
  #zeroPoints(weight: BlockQuantizedWeight, numbers: TensorInfo): string {
    const shape = [weight.shape[0] ?? 0, Math.ceil((blockCount(weight) * weight.bits) / 8)];
    return this.#writer.tensor(numbers, { dtype: "uint8", shape });
  }

  /** A number for each block. */
  #perBlock(weight: BlockQuantizedWeight, numbers: TensorInfo): string {
    const shape = [weight.shape[0] ?? 0, blockCount(weight)];
    return this.#writer.tensor(numbers, { dtype: "float32", shape });
  }
}

/** The shapes that a product takes and returns. */
export function productShapes(
  { rotation, minima }: BlockQuantizedWeight,
  given: TokenShape,
): { readonly input: TokenShape; readonly output: TokenShape } {
  if (rotation === undefined && minima === undefined) return { input: given, output: given };
  // A rotation reshapes what it is given.
  return { input: (rotation ?? 1) > 1 ? given : "flat", output: "flat" };
}

/** Blocks of one row. */
function blockCount({ shape, blockSize }: BlockQuantizedWeight): number {
  return Math.ceil((shape[1] ?? 0) / blockSize);
}
