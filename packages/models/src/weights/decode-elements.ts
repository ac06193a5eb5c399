import type { TensorDtype } from "./tensor-dtype.ts";

/** Makes float32 numbers of a tensor's little-endian bytes. F32, F16 and BF16; others are NaN. */
export function decodeElements(bytes: Uint8Array, dtype: TensorDtype): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
  const values = new Float32Array(halves.length);
  if (dtype === "BF16") {
    const words = new Uint32Array(values.buffer);
    for (let at = 0; at < halves.length; at += 1) words[at] = halves[at]! << 16;
    return values;
  }
  if (dtype !== "F16") return values.fill(Number.NaN);
  for (let at = 0; at < halves.length; at += 1) values[at] = fromHalf(halves[at]!);
  return values;
}

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
