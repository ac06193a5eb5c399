import type { BlockQuantizedWeight, TensorInfo } from "@infernode/models";
import { hasExactMixedSums } from "./mixed-sums.ts";
import { onnxDtype } from "./onnx-graph.ts";
import type { GraphWriter } from "./quantized-operators.ts";

const domain = "com.microsoft";
/** The largest integer of 8 bits that its negative is one too. */
const largest = 127;
/** Inputs are stored as `q + 128`. */
const zeroPoint = 128;

/** Inputs as integers: a row stands for `scale · (q − 128) / 127`. */
interface IntegerRows {
  readonly q: string;
  /** The largest magnitude of each row, `(tokens, 1)`. */
  readonly largest: string;
}

/**
 * Writes products of 8-bit integers, with one scale for each row of the input and one for each row of the weight. The
 * sums of integers are exact, so that a row does not depend on others.
 */
export class RowProducts {
  readonly #writer: GraphWriter;
  readonly #hasExactSums: boolean;
  /** By value and rotation: queries, keys and values have the same inputs. */
  readonly #inputs = new Map<string, IntegerRows>();
  /** By size. */
  readonly #hadamards = new Map<number, string>();

  constructor(writer: GraphWriter, hasExactSums: boolean = hasExactMixedSums()) {
    this.#writer = writer;
    this.#hasExactSums = hasExactSums;
  }

  /** `x · weightᵀ + bias`. */
  product(
    x: string,
    weight: BlockQuantizedWeight,
    { bias, output }: { readonly bias?: string | undefined; readonly output?: string | undefined },
  ): string {
    const { node, tensor } = this.#writer;
    const [rows = 0, columns = 0] = weight.shape;
    const input = this.#quantize(x, columns, weight.rotation ?? 1);
    const factors = [
      input.q,
      this.#float(1 / largest),
      this.#bytes("uint8", 1, zeroPoint),
      this.#integers(weight.data, [columns, rows]),
      tensor(weight.scales, { dtype: "float32", shape: [rows] }),
      this.#hasExactSums ? this.#bytes("int8", rows, 0) : this.#bytes("uint8", rows, zeroPoint),
    ];
    const sums = node("QGemm", factors, { domain });
    const named = output === undefined ? {} : { output };
    if (bias === undefined) return node("Mul", [sums, input.largest], named);
    return node("Add", [node("Mul", [sums, input.largest]), bias], named);
  }

  #quantize(x: string, columns: number, rotation: number): IntegerRows {
    const key = `${x} ${rotation}`;
    let input = this.#inputs.get(key);
    if (input === undefined) {
      const { node, integers } = this.#writer;
      const rotated = this.#rotate(x, columns, rotation);
      const magnitudes = node("Abs", [rotated]);
      const most = node("ReduceMax", [magnitudes, integers([1])], { attributes: { keepdims: 1 } });
      // A row of zeros becomes NaN here, then some integers, and zeros again when it is multiplied with its largest.
      const scaled = node("Mul", [rotated, node("Div", [this.#float(largest), most])]);
      const shifted = node("Add", [scaled, this.#float(zeroPoint + 0.5)]);
      input = { q: node("Cast", [shifted], { attributes: { to: onnxDtype.uint8 } }), largest: most };
      this.#inputs.set(key, input);
    }
    return input;
  }

  /** What `quantizeRows` of the models package did to the columns of the weight. */
  #rotate(x: string, columns: number, size: number): string {
    if (size === 1) return x;
    const { node, reshape } = this.#writer;
    const blocks = node("MatMul", [reshape(x, [-1, size]), this.#hadamard(size)]);
    return reshape(blocks, [-1, columns]);
  }

  #hadamard(size: number): string {
    const written = this.#hadamards.get(size) ?? this.#writeHadamard(size);
    this.#hadamards.set(size, written);
    return written;
  }

  #writeHadamard(size: number): string {
    const matrix = new Float32Array(size * size);
    for (let at = 0; at < matrix.length; at += 1) {
      const commonBits = Math.floor(at / size) & (at % size);
      matrix[at] = (countOnes(commonBits) % 2 === 0 ? 1 : -1) / Math.sqrt(size);
    }
    return this.#writer.constant(
      `hadamard:${size}`,
      { dtype: "float32", shape: [size, size] },
      bytesOf(matrix),
    );
  }

  #float(value: number): string {
    const data = bytesOf(Float32Array.of(value));
    return this.#writer.constant(`float:${value}`, { dtype: "float32", shape: [1] }, data);
  }

  #bytes(dtype: "uint8" | "int8", count: number, value: number): string {
    const data = new Uint8Array(count).fill(value);
    return this.#writer.constant(`${dtype}:${value}:${count}`, { dtype, shape: [count] }, data);
  }

  /** Weights with a sign, or with 128 added: the same bytes with another highest bit, computed when the model loads. */
  #integers(data: TensorInfo, shape: readonly number[]): string {
    const { node, tensor } = this.#writer;
    if (this.#hasExactSums) return tensor(data, { dtype: "int8", shape });
    return node("BitwiseXor", [tensor(data, { dtype: "uint8", shape }), this.#bytes("uint8", 1, zeroPoint)]);
  }
}

function countOnes(bits: number): number {
  let count = 0;
  for (let rest = bits; rest > 0; rest >>= 1) count += rest & 1;
  return count;
}

function bytesOf({ buffer }: Float32Array): Uint8Array {
  return new Uint8Array(buffer);
}
