import type { TensorDtype } from "./tensor-dtype.ts";

/** Where one tensor's bytes are. Little-endian, row-major. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** Absolute path of the file that holds the bytes. */
  readonly filePath: string;
  /** Byte range in that file, half-open. */
  readonly startByte: number;
  readonly endByte: number;
  /** Copies in the order in which a runtime computes, in the same file. */
  readonly prepacked?: readonly PrepackedCopy[] | undefined;
}

/** A copy of a tensor that a runtime made on one type of processor. */
export interface PrepackedCopy {
  /** The runtime's name of it: what it is for, and a hash of its bytes. */
  readonly key: string;
  readonly parts: readonly ByteRange[];
}

/** Half-open. */
export interface ByteRange {
  readonly startByte: number;
  readonly endByte: number;
}

/** A weight stored as one tensor of numbers. */
export interface DenseWeight {
  readonly encoding: "dense";
  readonly shape: readonly number[];
  /** Of the same shape, or `(columns, rows)` of a matrix that is transposed. */
  readonly data: TensorInfo;
  readonly isTransposed?: boolean;
}

/**
 * A weight stored as integers `q` in blocks of `blockSize` along its last axis, each block with a scale:
 * `scale · (q − zeroPoint)` with zero points, `scale · q + minimum` with minima, `scale · q` with neither,
 * where `q` is signed: stored as `q + 2^(bits − 1)`.
 */
export interface BlockQuantizedWeight {
  readonly encoding: "block-quantized";
  /** The shape of the dequantized weight, not of the packed `data`. */
  readonly shape: readonly number[];
  /** Bits of one `q`. */
  readonly bits: number;
  readonly blockSize: number;
  /** All `q`, packed. */
  readonly data: TensorInfo;
  /** One for each block, as are zero points and minima. */
  readonly scales: TensorInfo;
  readonly zeroPoints?: TensorInfo;
  readonly minima?: TensorInfo;
  /** I32, `(columns)`: which column of the weight is at each place of a row. In their own order where there is none. */
  readonly columnOrder?: TensorInfo;
  /**
   * Present where a row is one block of I8, for products of integers: its columns were rotated in blocks of this many
   * (`quantizeRows`), and the input has to be rotated the same way. 1 rotates nothing. `data` is `(columns, rows)` then,
   * the order in which a runtime packs it.
   */
  readonly rotation?: number;
}

/** A type of GGUF whose blocks hold numbers and scales together, as llama.cpp names it. */
export type Packing =
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q2_K"
  | "Q3_K"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K"
  | "IQ4_NL"
  | "IQ4_XS"
  | "MXFP4";

/** A weight in blocks of GGUF, or in those of MXFP4 with scales beside. No executor reads it as it is: `quantizeCheckpoint` unpacks it, without a loss. */
export interface PackedWeight {
  readonly encoding: "packed";
  readonly packing: Packing;
  /** The shape of the dequantized weight, `(rows, columns)`. */
  readonly shape: readonly number[];
  /** U8, `(rows, bytes of a row)`. */
  readonly data: TensorInfo;
  /**
   * U8, `(rows, blocks)`: where a block holds numbers only, the exponents of the blocks' scales. Neighbours share a byte
   * then, the first one in the low half.
   */
  readonly scales?: TensorInfo;
}

/** How integers of a few bits are packed in words of 32 bits, the first one in the lowest bits. */
export interface WordPacking {
  /** The axis of the matrix along which neighbours share words. */
  readonly axis: "rows" | "columns";
  /** Whether the tensor is stored as `(columns, rows)`. */
  readonly isTransposed: boolean;
  /** Which neighbour is at each place of a word. [their own order] */
  readonly order?: readonly number[];
  /** Whether what is stored is one less, modulo `2^bits`. */
  readonly isOneLess?: boolean;
}

/**
 * A weight of GPTQ, AWQ or compressed-tensors: integers `q` from 0 up that stand for `scale · (q − zeroPoint)`, with one
 * scale for each group of columns of a row. No executor reads it as it is: `quantizeCheckpoint` writes it in blocks.
 */
export interface GroupedWeight {
  readonly encoding: "grouped";
  /** Such as `GPTQ`. */
  readonly method: string;
  /** The shape of the dequantized weight, `(rows, columns)`. */
  readonly shape: readonly number[];
  readonly bits: number;
  /** Columns of one group. */
  readonly groupSize: number;
  readonly data: TensorInfo;
  readonly dataPacking: WordPacking;
  /** F32, F16 or BF16, `(rows, groups)`, or `(groups, rows)` if transposed. */
  readonly scales: TensorInfo;
  readonly areScalesTransposed: boolean;
  /** `2^(bits − 1)` everywhere where there are none. */
  readonly zeroPoints?: TensorInfo;
  readonly zeroPointPacking: WordPacking;
  /** The group of each column. [neighbours are a group] */
  readonly columnGroups?: Int32Array;
}

/** How a checkpoint stores one weight of the network. */
export type StoredWeight = DenseWeight | BlockQuantizedWeight | PackedWeight | GroupedWeight;

/** Creates a weight of one tensor of numbers. */
export function denseWeight(tensor: TensorInfo): DenseWeight {
  return { encoding: "dense", shape: tensor.shape, data: tensor };
}

/** The tensors that a weight is stored in. */
export function tensorsOf(weight: StoredWeight): readonly TensorInfo[] {
  const tensors = (...parts: readonly (TensorInfo | undefined)[]): readonly TensorInfo[] =>
    parts.filter((part) => part !== undefined);
  if (weight.encoding === "packed") return tensors(weight.data, weight.scales);
  if (weight.encoding === "grouped") return tensors(weight.data, weight.scales, weight.zeroPoints);
  if (weight.encoding !== "block-quantized") return [weight.data];
  const { data, scales, zeroPoints, minima, columnOrder } = weight;
  return tensors(data, scales, zeroPoints, minima, columnOrder);
}

/** Whether a part of a weight is one of its tensors. */
export function isTensor(part: unknown): part is TensorInfo {
  return typeof part === "object" && part !== null && "filePath" in part;
}

/** The type of a weight's numbers, such as `BF16`, `Q4_K`, `int4` or `GPTQ int4`. */
export function typeOf(weight: StoredWeight): string {
  if (weight.encoding === "packed") return weight.packing;
  if (weight.encoding === "dense") return weight.data.dtype;
  const integers = `int${weight.bits}`;
  return weight.encoding === "grouped" ? `${weight.method} ${integers}` : integers;
}
