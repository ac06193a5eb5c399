import type { AttentionOptions, AttentionRotary, QueryScaling } from "@infernode/models";
import { ropeNames } from "./attention-operators.ts";
import { onnxDtype, type OnnxValueInfo } from "./onnx-graph.ts";
import type { GraphWriter } from "./quantized-operators.ts";
import { type HeadShape, rotaryAttributes } from "./rotary-attributes.ts";

/** The runtime's attention takes heads whose features are a multiple of this. */
const headMultiple = 8;
/** It rotates a multiple of this many features of heads that are a multiple of it. */
const rotaryMultiple = 16;
const domain = "com.microsoft";

/** The input of the graph: the row of the tables at which the positions of a sequence start, int64 `(B)`. */
export const ropeStartInput = "rope_starts";

/** Features of a head in the KV cache: the next number that the runtime's attention takes. Those added are 0. */
export function cachedHeadDim(headDim: number): number {
  return Math.ceil(headDim / headMultiple) * headMultiple;
}

/** Names of queries, keys and values, each `(B, S, heads · features)`. */
interface Heads {
  readonly q: string;
  readonly k: string;
  readonly v: string;
}

/** Heads that the runtime's attention takes, and what it still has to do with them. */
interface HeadInputs extends Heads {
  /** With the features of the cache, and no rotation where it is done already. */
  readonly options: AttentionOptions;
}

/**
 * Writes queries, keys and values as the runtime's attention takes them: heads of another size than it knows get zeros
 * at their end, and are rotated before where it cannot rotate them. Queries are scaled by position before they rotate,
 * which commutes.
 *
 * @see onnxruntime 1.30, `group_query_attention_helper.h` (`CheckInputs`, `CheckRotaryCaches`)
 */
export class HeadInputsWriter {
  readonly #writer: GraphWriter;
  readonly #declareInput: (info: OnnxValueInfo) => string;
  /** Names of positions in the tables; of sequences that all rotate alike, and by their length. */
  #positions: string | undefined;
  #rows: string | undefined;
  /** Names of factors of queries. */
  readonly #queryFactors = new Map<string, string>();

  constructor(writer: GraphWriter, declareInput: (info: OnnxValueInfo) => string) {
    this.#writer = writer;
    this.#declareInput = declareInput;
  }

  /** Rotates and extends the heads where that is needed. */
  prepare({ q, k, v }: Heads, options: AttentionOptions): HeadInputs {
    const { headCount, kvHeadCount, headDim, rotary, queryScaling } = options;
    const queries = queryScaling === undefined ? q : this.#scale(q, queryScaling);
    const isOutside = rotary !== undefined && !isRotatedByAttention(rotary, headDim);
    const rotate = (x: string, heads: number): string =>
      isOutside ? this.#rotate(x, rotary, { heads, headDim }) : x;
    const cachedDim = cachedHeadDim(headDim);
    const extend = (x: string, heads: number): string =>
      cachedDim === headDim ? x : this.#extend(x, { heads, headDim });
    return {
      q: extend(rotate(queries, headCount), headCount),
      k: extend(rotate(k, kvHeadCount), kvHeadCount),
      v: extend(v, kvHeadCount),
      options: { ...options, headDim: cachedDim, rotary: isOutside ? undefined : rotary },
    };
  }

  /** Cuts off what `prepare` added: → `(B, S, heads · headDim)`. */
  cut(attended: string, { headCount, headDim }: AttentionOptions): string {
    const cachedDim = cachedHeadDim(headDim);
    if (cachedDim === headDim) return attended;
    const { node, reshape, integers } = this.#writer;
    const heads = reshape(attended, [0, 0, headCount, cachedDim]);
    const cut = node("Slice", [heads, integers([0]), integers([headDim]), integers([3])]);
    return reshape(cut, [0, 0, headCount * headDim]);
  }

  /** The position of each token, int64 `(B, S)`. */
  positions(): string {
    this.#positions ??= this.#writePositions();
    return this.#positions;
  }

  #extend(x: string, { heads, headDim }: HeadShape): string {
    const { node, reshape, integers } = this.#writer;
    const cachedDim = cachedHeadDim(headDim);
    const ends = integers([0, 0, 0, 0, 0, 0, 0, cachedDim - headDim]);
    return reshape(node("Pad", [reshape(x, [0, 0, heads, headDim]), ends]), [0, 0, heads * cachedDim]);
  }

  #rotate(x: string, rotary: AttentionRotary, shape: HeadShape): string {
    const { cos, sin } = ropeNames(rotary.index);
    const positions = this.positions();
    if (rotary.isByLength) this.#rows ??= this.#writeRows(positions);
    const rows = (rotary.isByLength ? this.#rows : undefined) ?? positions;
    const attributes = rotaryAttributes(rotary, shape);
    return this.#writer.node("RotaryEmbedding", [x, rows, cos, sin], { domain, attributes });
  }

  #scale(q: string, scaling: QueryScaling): string {
    const key = `${scaling.beta}:${scaling.originalContextTokens}`;
    const factors = this.#queryFactors.get(key) ?? this.#writeQueryFactors(scaling);
    this.#queryFactors.set(key, factors);
    return this.#writer.node("Mul", [q, factors]);
  }

  /** The factor of each token's queries, float32 `(B, S, 1)`. */
  #writeQueryFactors({ beta, originalContextTokens }: QueryScaling): string {
    const { node, reshape, integers, constant } = this.#writer;
    const float = (value: number): string => {
      const data = new Uint8Array(Float32Array.of(value).buffer);
      return constant(`float:${value}`, { dtype: "float32", shape: [1] }, data);
    };
    const turns = node("Div", [this.positions(), integers([originalContextTokens])]);
    const grown = node("Cast", [node("Add", [turns, integers([1])])], {
      attributes: { to: onnxDtype.float32 },
    });
    const factors = node("Add", [node("Mul", [node("Log", [grown]), float(beta)]), float(1)]);
    return reshape(factors, [0, 0, 1]);
  }

  /** The row of each token in a table by length, int64 `(B, S)`. */
  #writeRows(positions: string): string {
    const { node, reshape } = this.#writer;
    const starts = this.#declareInput({ name: ropeStartInput, dtype: "int64", shape: ["B"] });
    return node("Add", [positions, reshape(starts, [-1, 1])]);
  }

  /** The last `S` positions up to that of the sequence's last token. */
  #writePositions(): string {
    const { node, reshape, integers } = this.#writer;
    const last = node("Cast", ["last_positions"], { attributes: { to: onnxDtype.int64 } });
    const length = node("Gather", [node("Shape", ["input_ids"]), integers([1])]);
    const one = integers([1]);
    const before = node("Range", [
      reshape(node("Sub", [one, length]), []),
      reshape(one, []),
      reshape(one, []),
    ]);
    return node("Add", [reshape(last, [-1, 1]), before]);
  }
}

function isRotatedByAttention({ dim, isByLength }: AttentionRotary, headDim: number): boolean {
  return !isByLength && headDim % rotaryMultiple === 0 && dim % rotaryMultiple === 0;
}
