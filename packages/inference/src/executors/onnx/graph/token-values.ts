import type { FeatureSlice, NormStyle } from "@infernode/models";
import type { GraphWriter } from "./quantized-operators.ts";

/**
 * Shapes of a value: `batched` is `(B, S, width)`, which attention takes; `flat` is `(tokens, width)`, which `Gemm` and
 * `QGemm` take. Other operators take both.
 */
export type TokenShape = "batched" | "flat";

/** A value of the graph: `width` numbers of float32 for each token. */
export interface OnnxValue {
  readonly width: number;
  /** Its name in each shape that it has so far; none where it is a sum that was not computed yet. */
  readonly names: Partial<Record<TokenShape, string>>;
  /** What it is the sum of. */
  readonly terms?: readonly [OnnxValue, OnnxValue];
}

/** Names of the weights of a norm. */
interface NormNames {
  readonly weight: string;
  readonly bias: string | undefined;
}

/** A norm of groups of so many features. */
interface GroupNormStyle extends NormStyle {
  readonly size: number;
}

/** Writes what is computed token by token, and values in the shape that their users need. */
export class TokenValues {
  readonly #writer: GraphWriter;
  /** → the name of the shape `(B, S, width)` */
  readonly #batchedShape: (width: number) => string;
  #sumCount = 0;

  constructor(writer: GraphWriter, batchedShape: (width: number) => string) {
    this.#writer = writer;
    this.#batchedShape = batchedShape;
  }

  /** The shape that all of the values have without another node, if there is one. */
  shapeOf(...values: readonly OnnxValue[]): TokenShape {
    const isBatched = ({ names, terms }: OnnxValue): boolean =>
      names.batched !== undefined ||
      (terms !== undefined && names.flat === undefined && terms.every(isBatched));
    return values.every(isBatched) ? "batched" : "flat";
  }

  /** The name of a value in a shape. */
  name(value: OnnxValue, shape: TokenShape): string {
    const { names, terms } = value;
    const isComputed = names.batched !== undefined || names.flat !== undefined;
    if (!isComputed && terms !== undefined) {
      const shared = this.shapeOf(...terms);
      names[shared] = this.#writer.node(
        "Add",
        terms.map((term) => this.name(term, shared)),
      );
    }
    names[shape] ??=
      shape === "flat"
        ? this.#writer.reshape(names.batched!, [-1, value.width])
        : this.#writer.node("Reshape", [names.flat!, this.#batchedShape(value.width)]);
    return names[shape];
  }

  /** A sum. It is computed where it is used first, since a norm of it computes both at once. */
  add(a: OnnxValue, b: OnnxValue): OnnxValue {
    return { width: a.width, names: {}, terms: [a, b] };
  }

  /** `op` of values that have the same width, element by element. */
  elementwise(
    op: (...names: readonly string[]) => string,
    ...values: readonly [OnnxValue, ...OnnxValue[]]
  ): OnnxValue {
    const shape = this.shapeOf(...values);
    return {
      width: values[0].width,
      names: { [shape]: op(...values.map((value) => this.name(value, shape))) },
    };
  }

  /** Some features of each token. */
  slice(x: OnnxValue, { groupCount, start, size }: FeatureSlice): OnnxValue {
    const { integers, node, reshape } = this.#writer;
    const shape = this.shapeOf(x);
    const name = this.name(x, shape);
    const width = groupCount * size;
    const groupWidth = x.width / groupCount;
    if (size === 1 && groupCount > 1) {
      const range = [integers([start]), integers([x.width]), integers([-1]), integers([groupWidth])];
      return { width, names: { [shape]: node("Slice", [name, ...range]) } };
    }
    // A size of 0 is that of the input.
    const tokens = shape === "batched" ? [0, 0] : [0];
    const groups = groupCount === 1 ? name : reshape(name, [...tokens, groupCount, groupWidth]);
    const slice = node("Slice", [groups, integers([start]), integers([start + size]), integers([-1])]);
    return { width, names: { [shape]: groupCount === 1 ? slice : reshape(slice, [...tokens, width]) } };
  }

  /** The norm of each token, or of each group of `size` features of it, with the same weights. */
  norm(x: OnnxValue, weights: NormNames, style: GroupNormStyle): OnnxValue {
    if (style.size === x.width) return this.#normTokens(x, weights, style);
    const { reshape } = this.#writer;
    const shape = this.shapeOf(x);
    // A size of 0 is that of the input.
    const tokens = shape === "batched" ? [0, 0] : [0];
    const groups = reshape(this.name(x, shape), [...tokens, -1, style.size]);
    const norm = this.#normalize(groups, weights, style);
    return { width: x.width, names: { [shape]: reshape(norm, [...tokens, x.width]) } };
  }

  /** The norm of each group of `size` features of each token, with weights of its own: those of all in one tensor, or of each. */
  normGroups(x: OnnxValue, weights: readonly string[], style: GroupNormStyle): OnnxValue {
    const { constant, node, reshape } = this.#writer;
    const { size } = style;
    const data = new Uint8Array(new Float32Array(size).fill(1).buffer);
    const ones = constant(`ones:${size}`, { dtype: "float32", shape: [size] }, data);
    const normed = this.norm(x, { weight: ones, bias: undefined }, style);
    const [first = ""] = weights;
    const all =
      weights.length === 1 ? reshape(first, [x.width]) : node("Concat", weights, { attributes: { axis: 0 } });
    return this.elementwise((name) => node("Mul", [name, all]), normed);
  }

  /** The norm of each token. Where it is of a sum that was not computed yet, both are computed at once. */
  #normTokens(x: OnnxValue, weights: NormNames, style: NormStyle): OnnxValue {
    const shape = this.shapeOf(x);
    if (x.terms === undefined || x.names[shape] !== undefined) {
      return { width: x.width, names: { [shape]: this.#normalize(this.name(x, shape), weights, style) } };
    }
    const terms = x.terms.map((term) => this.name(term, shape));
    const sum = `sum.${this.#sumCount}`;
    this.#sumCount += 1;
    x.names[shape] = sum;
    const op = style.kind === "rms" ? "SkipSimplifiedLayerNormalization" : "SkipLayerNormalization";
    const norm = this.#writer.node(op, [...terms, ...namesOf(weights)], {
      domain: "com.microsoft",
      attributes: { epsilon: { float: style.epsilon } },
      moreOutputs: ["", "", sum],
    });
    return { width: x.width, names: { [shape]: norm } };
  }

  /** The norm over the last axis. */
  #normalize(x: string, weights: NormNames, { kind, epsilon }: NormStyle): string {
    const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
    const op = kind === "rms" ? "SimplifiedLayerNormalization" : "LayerNormalization";
    return this.#writer.node(op, [x, ...namesOf(weights)], { attributes });
  }
}

function namesOf({ weight, bias }: NormNames): readonly string[] {
  return bias === undefined ? [weight] : [weight, bias];
}
