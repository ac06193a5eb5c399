import type { TensorDtype } from "@infernode/models";

/** Bytes of a number, for the types of numbers that are read. */
export const numberBytes: Partial<Record<TensorDtype, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2 };

/** Decodes little-endian numbers to `into`, as many as it takes. Others than those of `numberBytes` are NaN. */
export function decodeNumbers(bytes: Uint8Array, dtype: TensorDtype, into: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = into;
  if (dtype === "F32") {
    for (let at = 0; at < length; at += 1) into[at] = view.getFloat32(4 * at, true);
  } else if (dtype === "F64") {
    for (let at = 0; at < length; at += 1) into[at] = view.getFloat64(8 * at, true);
  } else if (dtype === "BF16") {
    const words = new Uint32Array(into.buffer, into.byteOffset, length);
    for (let at = 0; at < length; at += 1) words[at] = view.getUint16(2 * at, true) << 16;
  } else if (dtype === "F16") {
    for (let at = 0; at < length; at += 1) into[at] = halfNumber(view.getUint16(2 * at, true));
  } else {
    into.fill(Number.NaN);
  }
}

/** The number of the 16 bits of an IEEE 754 binary16. */
function halfNumber(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
