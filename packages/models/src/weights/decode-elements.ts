import { halfToNumber } from "./half.ts";
import type { TensorDtype } from "./tensor-dtype.ts";

/** Numbers of 16 bits. */
export interface HalfNumbers {
  readonly dtype: "F16" | "BF16";
  readonly halves: Uint16Array;
}

/** Makes float32 numbers of a tensor's little-endian bytes. F32, F16 and BF16; others are NaN. */
export function decodeElements(bytes: Uint8Array, dtype: TensorDtype): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (dtype !== "F16" && dtype !== "BF16") return new Float32Array(byteLength / 2).fill(Number.NaN);
  return decodeHalves({ dtype, halves: new Uint16Array(buffer, byteOffset, byteLength / 2) });
}

function decodeHalves({ dtype, halves }: HalfNumbers): Float32Array {
  const values = new Float32Array(halves.length);
  if (dtype === "BF16") {
    const words = new Uint32Array(values.buffer);
    for (let at = 0; at < halves.length; at += 1) words[at] = halves[at]! << 16;
    return values;
  }
  for (let at = 0; at < halves.length; at += 1) values[at] = halfToNumber(halves[at]!);
  return values;
}
