import { createRandom } from "../../../../../../benchmarks/lib/random.ts";

/** How a kernel's test stores numbers on the device. */
export interface StoredType {
  readonly name: "f32" | "bf16" | "f16";
  /** The nearest number of the type. */
  readonly store: (numbers: readonly number[] | Float64Array) => Float32Array | Uint16Array;
  readonly load: (stored: Float32Array | Uint16Array) => Float64Array;
}

const word = new DataView(new ArrayBuffer(4));

/** The bits of the bfloat16 nearest to a number, of two the even one. */
function bfloat16Bits(x: number): number {
  word.setFloat32(0, x);
  const bits = word.getUint32(0);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function bfloat16Number(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/** The bits of the binary16 nearest to a finite number. */
function float16Bits(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (size === 0) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const fraction = roundToEven((size / 2 ** exponent) * 1024);
  // A fraction that was rounded up to 2048 carries into the exponent.
  return sign | (fraction < 1024 ? fraction : ((exponent + 15) << 10) + fraction - 1024);
}

function float16Number(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

export const float32: StoredType = {
  name: "f32",
  store: (numbers) => Float32Array.from(numbers),
  load: (stored) => Float64Array.from(stored),
};
export const bfloat16: StoredType = {
  name: "bf16",
  store: (numbers) => Uint16Array.from(numbers, bfloat16Bits),
  load: (stored) => Float64Array.from(stored, bfloat16Number),
};
export const float16: StoredType = {
  name: "f16",
  store: (numbers) => Uint16Array.from(numbers, float16Bits),
  load: (stored) => Float64Array.from(stored, float16Number),
};

/** Numbers from −scale to scale, as a type has them: what is on the device, and in float64. */
export function randomNumbers(
  type: StoredType,
  count: number,
  { seed, scale = 1 }: { readonly seed: number; readonly scale?: number },
): { readonly stored: Float32Array | Uint16Array; readonly exact: Float64Array } {
  const random = createRandom(seed);
  const stored = type.store(Float64Array.from({ length: count }, () => (2 * random() - 1) * scale));
  return { stored, exact: type.load(stored) };
}

/** The largest difference to what was computed in float64, relative to the largest number of that; NaN if one is NaN. */
export function worstError(got: ArrayLike<number>, exact: ArrayLike<number>): number {
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < exact.length; i += 1) {
    largest = Math.max(largest, Math.abs(exact[i]!));
    worst = Math.max(worst, Math.abs(got[i]! - exact[i]!));
  }
  return worst / largest;
}

/** Numbers that a kernel is to write over. */
export function poisonedOf({ name }: StoredType, count: number): Float32Array | Uint16Array {
  return name === "f32" ? new Float32Array(count).fill(Number.NaN) : new Uint16Array(count).fill(0xffff);
}
