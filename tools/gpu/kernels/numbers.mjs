// Random numbers as kernels store them, and what they are in float64.
import assert from "node:assert/strict";

/** Random bytes of numbers from about 2^-7 to 2 of either sign; `bytes`: any. Fresh at each call. */
export function randomChunk(kind, sizeBytes) {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = (Math.random() * 2 ** 32) >>> 0 || 1;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  const shape = {
    // Sign and fraction are random; the exponent is one of eight.
    bf16: (word) => (word & 0x83ff_83ff) | 0x3c00_3c00,
    f16: (word) => (word & 0x9fff_9fff) | 0x2000_2000,
    f32: (word) => (word & 0x83ff_ffff) | 0x3c00_0000,
    // Numbers of 32 bits that are numbers of bf16 too.
    "f32 of bf16": (word) => (word & 0x83ff_0000) | 0x3c00_0000,
    scales: (word) => (word & 0x007f_ffff) | 0x3b80_0000,
    bytes: (word) => word,
  }[kind];
  for (let index = 0; index < words.length; index += 1) words[index] = shape(words[index]);
  return new Uint8Array(words.buffer, 0, sizeBytes);
}

const word = new DataView(new ArrayBuffer(4));

export function bfloat16(bits) {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

export function float16(bits) {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The largest difference relative to the largest expected number; fails beyond `limit`, or where one is NaN. */
export function assertClose(what, { got, expected, limit }) {
  let largest = 0;
  let worst = 0;
  for (let index = 0; index < expected.length; index += 1) {
    largest = Math.max(largest, Math.abs(expected[index]));
    worst = Math.max(worst, Math.abs(got[index] - expected[index]));
  }
  const error = worst / largest;
  assert.ok(error <= limit, `${what}: expected an error of ${limit} at most, got ${error}`);
  return { what, error, limit };
}
