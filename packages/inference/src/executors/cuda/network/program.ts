import type { RowProductRequest } from "@infernode/memory/cuda";
import type { TensorInfo } from "@infernode/models";
import type { MatrixWeight, TensorUse, VectorUse } from "./weight-uses.ts";

/** What rows of a value stand for, and how many there are for each of them; of a pass there is one. */
export interface RowKind {
  readonly of: "tokens" | "logits" | "pass";
  readonly factor: number;
}

/** A value on the device: `(rows, width)` numbers of 4 bytes. */
export interface DeviceValue {
  readonly id: number;
  readonly width: number;
  readonly rows: RowKind;
}

/** Arrays that the host writes before each pass. */
export type PassInputName =
  | "tokenCount"
  | "logitCount"
  | "tokenIds"
  | "tokenSources"
  | "positions"
  | "sequences"
  | "ropeRows"
  | "adapters"
  | "logitTokens"
  | "topKs"
  | "topCounts"
  | "samplingParameters"
  | "pieceTokens"
  | "pieceLengths"
  | "piecePositions"
  | "blockTables";

/** Arrays that the host writes before a pass of which rows are edited. */
export type EditInputName = "penalties" | "maskIndices" | "bounds" | "editTokens" | "editValues" | "masks";

/** What the pages of a layer have; scales only where they are of 8 bits. */
export type CachePart = "keys" | "values" | "keyScales" | "valueScales";

/** An address that a kernel is given; `undefined` is null. */
export type AddressOperand =
  | { readonly kind: "value"; readonly value: DeviceValue }
  | { readonly kind: "vector"; readonly vector: VectorUse }
  | { readonly kind: "tensor"; readonly tensor: TensorUse }
  /** The table of several matrices, as `product.cu` describes it. */
  | { readonly kind: "matrices"; readonly matrices: readonly MatrixWeight[] }
  | { readonly kind: "input"; readonly name: PassInputName }
  | { readonly kind: "edits"; readonly name: EditInputName }
  | { readonly kind: "cache"; readonly layerIndex: number; readonly part: CachePart }
  /** The matrices of all adapters for a product, by the name of its weight. */
  | { readonly kind: "adapter"; readonly weightName: string; readonly part: "down" | "up" }
  | { readonly kind: "rope"; readonly index: number; readonly part: "cos" | "sin" }
  | undefined;

/** How large a pass is. */
export interface PassShape {
  readonly tokenCount: number;
  readonly logitCount: number;
  /** Pieces of sequences. */
  readonly pieceCount: number;
  /** Tokens of the longest piece. */
  readonly longestPieceTokens: number;
  /** Whether any token has an adapter. */
  readonly isAdapted: boolean;
  /** Positions of the longest sequence up to the end of its piece. */
  readonly longestContextTokens: number;
  /** Ids below it are sampled; 0 where no row is. */
  readonly sampledTokenCount: number;
  /** Whether tokens are taken by the kernel that draws, which takes the likeliest of a row as well. */
  readonly isDrawn: boolean;
  /** Whether any row is changed before it is sampled. */
  readonly isEdited: boolean;
  /** Whether log-probabilities are wanted of any row. */
  readonly isRanked: boolean;
}

/** A launch of a kernel, but for the size of a pass. */
export interface KernelLaunch {
  readonly kind: "kernel";
  readonly module: string;
  readonly entry: string;
  readonly block: readonly [x: number, y: number];
  readonly dynamicSharedBytes: number;
  readonly grid: (shape: PassShape) => readonly [x: number, y: number, z: number];
  readonly operands: readonly (AddressOperand | number | ((shape: PassShape) => number))[];
}

/** A product that a library computes: `out = x · weightᵀ + bias`, of `x` and `weight` in 16 bits. */
export interface LibraryProduct extends Pick<RowProductRequest, "type" | "n" | "k"> {
  readonly kind: "product";
  readonly rows: RowKind;
  readonly operands: readonly [
    out: NonNullable<AddressOperand>,
    x: NonNullable<AddressOperand>,
    weight: NonNullable<AddressOperand>,
    bias: AddressOperand,
  ];
}

/** What a pass queues. */
export type Launch = KernelLaunch | LibraryProduct;

/** One of several ways to compute something. */
export interface Variant {
  readonly fits: (shape: PassShape) => boolean;
  readonly launches: readonly Launch[];
}

/** An operation of the network. The first variant that fits runs; the last one always does. */
export interface ProgramStep {
  readonly variants: readonly Variant[];
  readonly reads: readonly DeviceValue[];
  readonly writes: readonly DeviceValue[];
}

/**
 * What is sampled of rows of logits, in integers: `(logit rows, 1)` and `(logit rows, 2)`, as `argmax.cu` describes; and
 * `(logit rows, rankedInts)`, as `logprobs.cu` does.
 */
export interface SampledValues {
  readonly tokens: DeviceValue;
  readonly status: DeviceValue;
  readonly ranked: DeviceValue;
}

/** All of a network: what is launched, in order, for each pass. */
export interface Program {
  readonly steps: readonly ProgramStep[];
  /** `(logit rows, vocabSize)` */
  readonly logits: DeviceValue;
  readonly sampled: SampledValues;
  readonly valueCount: number;
  /** Whether any product has inputs of 16 bits. */
  readonly hasNarrowProducts: boolean;
}

/** All that a program may launch, whatever the size of a pass. */
export function launchesOf({ steps }: Pick<Program, "steps">): readonly Launch[] {
  return steps.flatMap(({ variants }) => variants.flatMap(({ launches }) => launches));
}

/** How many rows of a kind a pass has. */
export function rowCount({ of, factor }: RowKind, shape: PassShape): number {
  if (of === "pass") return factor;
  return (of === "tokens" ? shape.tokenCount : shape.logitCount) * factor;
}

/** The tensors, vectors and tables of matrices that a program uses, each once. */
export interface ProgramWeights {
  readonly tensors: ReadonlyMap<string, TensorUse>;
  readonly vectors: ReadonlyMap<string, VectorUse>;
  readonly tables: ReadonlyMap<string, readonly MatrixWeight[]>;
}

/** Lists what a program uses. */
export function weightsOf(program: Program): ProgramWeights {
  const tensors = new Map<string, TensorUse>();
  const vectors = new Map<string, VectorUse>();
  const tables = new Map<string, readonly MatrixWeight[]>();
  const addMatrix = ({ parts, bias }: MatrixWeight): void => {
    for (const tensor of parts) if (tensor !== undefined) tensors.set(tensorKey(tensor), tensor);
    if (bias !== undefined) vectors.set(vectorKey(bias), bias);
  };
  for (const operand of launchesOf(program).flatMap((launch): KernelLaunch["operands"] => launch.operands)) {
    if (typeof operand !== "object") continue;
    if (operand.kind === "tensor") tensors.set(tensorKey(operand.tensor), operand.tensor);
    if (operand.kind === "vector") vectors.set(vectorKey(operand.vector), operand.vector);
    if (operand.kind !== "matrices") continue;
    tables.set(tableKey(operand.matrices), operand.matrices);
    for (const matrix of operand.matrices) addMatrix(matrix);
  }
  return { tensors, vectors, tables };
}

/** Names a tensor in device memory. */
export function tensorKey({ tensor, as }: TensorUse): string {
  return `${placeOf(tensor)} ${as}`;
}

/** Names a vector in device memory. */
export function vectorKey({ tensors, offset }: VectorUse): string {
  return `${tensors.map(placeOf).join(" ")} + ${offset}`;
}

/** Names a table of matrices in device memory. */
export function tableKey(matrices: readonly MatrixWeight[]): string {
  const keyOf = ({ parts, bias }: MatrixWeight): string =>
    [...parts.map((part) => part && tensorKey(part)), bias && vectorKey(bias)].join(",");
  return matrices.map(keyOf).join(";");
}

function placeOf({ filePath, startByte, endByte }: TensorInfo): string {
  return `${filePath}:${startByte}-${endByte}`;
}
