import type {
  Activation,
  AttentionOptions,
  AttentionRotary,
  DecoderBuilder,
  ExpertRouting,
  FeatureSlice,
  Limits,
  LogitOptions,
  NormStyle,
  NormWeights,
  WeightRef,
} from "@infernode/models";
import { numbersOf, type TensorFlow, type TfTensor } from "../runtime/tensorflow.ts";
import type { HeldMatrix, HeldTable, HeldVector } from "../weights/held-weights.ts";
import { activations, limit } from "./activations.ts";
import { attend } from "./attend.ts";
import type { Pass, PassAdapter } from "./pass.ts";
import { Program, type ProgramValue, runAtOnce } from "./program.ts";
import { route } from "./route.ts";

const largestFloat32 = 3.402_823_466_385_288_6e38;

/** The weights that a network asks for; they are loaded after it is stated. */
export interface WeightRequests {
  /** A matrix to multiply with. */
  matrix(ref: WeightRef): HeldMatrix;
  /** Vectors, one behind the other, each number with an offset. */
  vector(refs: readonly WeightRef[], offset?: number): HeldVector;
  /** A matrix whose rows are looked up. */
  table(ref: WeightRef): HeldTable;
}

/** Records the operations of a network as a program. */
export class TfjsDecoderBuilder implements DecoderBuilder<ProgramValue> {
  readonly program: Program = new Program();
  /** Those that attention uses, by index and whether they follow the length of a sequence. */
  readonly rotaries: Map<string, AttentionRotary> = new Map();
  readonly #weights: WeightRequests;
  /** Of an expert, while it is stated. */
  #current: Program = this.program;

  constructor(weights: WeightRequests) {
    this.#weights = weights;
  }

  embed(weight: WeightRef): ProgramValue {
    return this.#lookUp(weight, (pass) => pass.tokenIds);
  }

  embedPositions(weight: WeightRef): ProgramValue {
    return this.#lookUp(weight, (pass) => pass.positions);
  }

  norm(x: ProgramValue, { weight, bias }: NormWeights, style: NormStyle): ProgramValue {
    const refs = "name" in weight ? [weight] : weight;
    const size = refs[0]?.shape.at(-1) ?? x.width;
    const groupCount = x.width / size;
    const scales = this.#weights.vector(refs, style.weightOffset);
    const offsets = bias && this.#weights.vector([bias]);
    return this.#current.add([x], x.width, ([input], { tf }) => {
      const rowCount = input!.shape[0]!;
      const groups = tf.reshape(input!, [rowCount, groupCount, size]);
      const centred = style.kind === "layer" ? tf.sub(groups, tf.mean(groups, -1, true)) : groups;
      const variance = tf.mean(tf.square(centred), -1, true);
      const normed = tf.mul(centred, tf.rsqrt(tf.add(variance, style.epsilon)));
      const scaled = tf.mul(normed, tf.reshape(scales.tensor(), [-1, size]));
      const moved = offsets === undefined ? scaled : tf.add(scaled, offsets.tensor());
      return tf.reshape(moved, [rowCount, x.width]);
    });
  }

  linear(x: ProgramValue, weight: WeightRef, bias?: WeightRef): ProgramValue {
    const matrix = this.#weights.matrix(weight);
    const offsets = bias && this.#weights.vector([bias]);
    return this.#current.add([x], weight.shape[0] ?? 0, ([input], pass) => {
      const product = multiply(pass.tf, input!, { matrix, offsets });
      return pass
        .adaptersOf(weight.name)
        .reduce((sum, adapter) => pass.tf.add(sum, adapterProduct(pass.tf, input!, adapter)), product);
    });
  }

  slice(x: ProgramValue, { groupCount, start, size }: FeatureSlice): ProgramValue {
    const width = groupCount * size;
    return this.#current.add([x], width, ([input], { tf }) => {
      const rowCount = input!.shape[0]!;
      const groups = tf.reshape(input!, [rowCount, groupCount, x.width / groupCount]);
      const part = tf.slice(groups, [0, 0, start], [rowCount, groupCount, size]);
      return tf.reshape(part, [rowCount, width]);
    });
  }

  attention(
    { q, k, v }: { readonly q: ProgramValue; readonly k: ProgramValue; readonly v: ProgramValue },
    options: AttentionOptions,
  ): ProgramValue {
    const { rotary, headCount, headDim } = options;
    const sinks = options.sinks && this.#weights.vector([options.sinks]);
    if (rotary !== undefined) this.rotaries.set(rotationKey(rotary), rotary);
    const compute = ([queries, keys, values]: readonly TfTensor[], pass: Pass): TfTensor =>
      attend({ q: queries!, k: keys!, v: values!, sinks: sinks?.tensor() }, options, pass);
    const output = this.#current.add([q, k, v], headCount * headDim, compute);
    this.#current.pause();
    return output;
  }

  experts(
    x: ProgramValue,
    { logits, ...routing }: ExpertRouting<ProgramValue>,
    expert: (x: ProgramValue, index: number) => ProgramValue,
  ): ProgramValue {
    let width = 0;
    const programs = Array.from({ length: routing.expertCount }, (_, index) => {
      const own = new Program();
      const outer = this.#current;
      this.#current = own;
      const result = expert(own.addInput(x.width), index);
      this.#current = outer;
      own.finish(result);
      width = result.width;
      return own;
    });
    return this.#current.add([x, logits], width, ([tokens, scores], pass) => {
      const { tf } = pass;
      const { tokensOf, places, weights } = route(numbersOf(scores!), routing);
      const outputs = programs.flatMap((program, index) => {
        const own = Int32Array.from(tokensOf[index]!);
        if (own.length === 0) return [];
        const sent = tf.gather(tokens!, tf.tensor(own, [own.length], "int32"), 0);
        return [runAtOnce(program, [sent], pass)];
      });
      const sorted = outputs.length === 1 ? outputs[0]! : tf.concat(outputs, 0);
      const pairs = tf.gather(sorted, tf.tensor(places, [places.length], "int32"), 0);
      const shape = [-1, routing.expertsPerToken, width];
      const weighted = tf.mul(pairs, tf.tensor(weights, [weights.length, 1]));
      return tf.sum(tf.reshape(weighted, shape), 1, false);
    });
  }

  activate(x: ProgramValue, activation: Activation | "sigmoid"): ProgramValue {
    return this.#elementwise(x, (tf, input) => activations[activation](tf, input));
  }

  clip(x: ProgramValue, { min = -largestFloat32, max = largestFloat32 }: Limits): ProgramValue {
    return this.#elementwise(x, (tf, input) => tf.clipByValue(input, min, max));
  }

  multiply(a: ProgramValue, b: ProgramValue): ProgramValue {
    return this.#current.add([a, b], a.width, ([one, other], { tf }) => tf.mul(one!, other!));
  }

  scale(x: ProgramValue, factor: number): ProgramValue {
    return this.#elementwise(x, (tf, input) => tf.mul(input, factor));
  }

  add(a: ProgramValue, b: ProgramValue): ProgramValue {
    return this.#current.add([a, b], a.width, ([one, other], { tf }) => tf.add(one!, other!));
  }

  logits(x: ProgramValue, weight: WeightRef, { bias, softCap }: LogitOptions): void {
    const matrix = this.#weights.matrix(weight);
    const offsets = bias && this.#weights.vector([bias]);
    const vocabSize = weight.shape[0] ?? 0;
    const result = this.#current.add([x], vocabSize, ([input], { tf, logitRows }) => {
      if (logitRows.length === 0) return tf.tensor(new Float32Array(0), [0, vocabSize]);
      // A copy: a backend may take the array as its own.
      const rows = tf.gather(input!, tf.tensor(logitRows.slice(), [logitRows.length], "int32"), 0);
      return limit(tf, multiply(tf, rows, { matrix, offsets }), softCap);
    });
    this.program.finish(result);
  }

  #lookUp(weight: WeightRef, indicesOf: (pass: Pass) => Int32Array): ProgramValue {
    const table = this.#weights.table(weight);
    const width = weight.shape[1] ?? 0;
    return this.#current.add([], width, (_, pass) => {
      const indices = indicesOf(pass);
      return pass.tf.tensor(table.rows(indices), [indices.length, width]);
    });
  }

  #elementwise(x: ProgramValue, apply: (tf: TensorFlow, x: TfTensor) => TfTensor): ProgramValue {
    return this.#current.add([x], x.width, ([input], { tf }) => apply(tf, input!));
  }
}

/** Tells apart the tables of rotations and the rows that are used of them. */
export function rotationKey({ index, isByLength }: AttentionRotary): string {
  return `${index} ${isByLength}`;
}

/** `x · weightᵀ + bias` */
function multiply(
  tf: TensorFlow,
  x: TfTensor,
  { matrix, offsets }: { readonly matrix: HeldMatrix; readonly offsets: HeldVector | undefined },
): TfTensor {
  const product = tf.matMul(x, matrix.tensor(), false, matrix.isTransposed());
  return offsets === undefined ? product : tf.add(product, offsets.tensor());
}

/** `((x · downᵀ) ⊙ mask) · up` */
function adapterProduct(tf: TensorFlow, x: TfTensor, { down, up, rank, mask }: PassAdapter): TfTensor {
  const inner = tf.matMul(x, tf.tensor(down, [rank, down.length / rank]), false, true);
  const own = mask === undefined ? inner : tf.mul(inner, tf.tensor(mask, [mask.length, 1]));
  return tf.matMul(own, tf.tensor(up, [rank, up.length / rank]));
}
