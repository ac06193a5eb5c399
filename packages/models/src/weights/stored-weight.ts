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
}

/** A weight stored as one tensor of numbers. */
export interface DenseWeight {
  readonly encoding: "dense";
  readonly shape: readonly number[];
  readonly data: TensorInfo;
}

/**
 * A weight stored as integers `q` in blocks of `blockSize` along its last axis, each block with a scale:
 * `scale · (q − zeroPoint)` with zero points, `scale · q + minimum` with minima, `scale · q` with neither,
 * where `q` is signed.
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
}

/** How a checkpoint stores one weight of the network. */
export type StoredWeight = DenseWeight | BlockQuantizedWeight;

/** Creates a weight of one tensor of numbers. */
export function denseWeight(tensor: TensorInfo): DenseWeight {
  return { encoding: "dense", shape: tensor.shape, data: tensor };
}

/** The tensors that a weight is stored in. */
export function tensorsOf(weight: StoredWeight): readonly TensorInfo[] {
  if (weight.encoding === "dense") return [weight.data];
  const { data, scales, zeroPoints, minima } = weight;
  return [data, scales, zeroPoints, minima].filter((part) => part !== undefined);
}
