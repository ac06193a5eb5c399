import type { CaseOutput, OutputType } from "../cases/kernel-case.ts";

const sampleCount = 4;
const word = new DataView(new ArrayBuffer(4));

function float16Number(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function bfloat16Number(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/** Bytes of a number of a type. */
export const bytesOfType: Readonly<Record<OutputType, number>> = {
  float32: 4,
  bfloat16: 2,
  float16: 2,
  int8: 1,
  int32: 4,
};

/** What a kernel wrote, as numbers. */
function decode({ type }: CaseOutput, { buffer }: Uint8Array<ArrayBuffer>): ArrayLike<number> {
  switch (type) {
    case "float32":
      return new Float32Array(buffer);
    case "bfloat16":
      return Float64Array.from(new Uint16Array(buffer), bfloat16Number);
    case "float16":
      return Float64Array.from(new Uint16Array(buffer), float16Number);
    case "int8":
      return new Int8Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    default:
      return type satisfies never;
  }
}

/**
 * A few numbers for many: the mean of magnitudes, a mean in which each number has a weight of its own, so that exchanged ones
 * are noticed, and some of the numbers themselves. NaN where one is NaN.
 */
export function digestOf(output: CaseOutput, bytes: Uint8Array<ArrayBuffer>): readonly number[] {
  const numbers = decode(output, bytes);
  let magnitudes = 0;
  let weighted = 0;
  for (let at = 0; at < output.length; at += 1) {
    magnitudes += Math.abs(numbers[at]!);
    weighted += numbers[at]! * ((Math.imul(at + 1, 0x9e37_79b1) >>> 0) / 2 ** 32);
  }
  const samples = Array.from(
    { length: Math.min(sampleCount, output.length) },
    (_, at) => numbers[Math.floor((at * output.length) / sampleCount)] ?? numbers[at]!,
  );
  return [magnitudes / output.length, weighted / output.length, ...samples];
}

/** The largest difference of two digests, as a share of the largest number of the stored one. */
export function deviationOf(got: readonly number[], stored: readonly number[]): number {
  if (got.length !== stored.length) return Number.NaN;
  const largest = Math.max(...stored.map(Math.abs), Number.MIN_VALUE);
  return Math.max(...stored.map((value, at) => Math.abs(got[at]! - value))) / largest;
}
