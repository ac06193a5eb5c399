import { readHalf } from "../half.ts";
import type { BlockFormat } from "./block-format.ts";
import { readNonlinear } from "./simple-blocks.ts";

// Blocks of 256 numbers in 8 or 16 smaller ones, whose scales are whole numbers times the scale of the whole block.
const elementCount = 256;

/** The sign bit of an 8-bit number gives its value. */
const signed = (byte: number): number => (byte << 24) >> 24;

/** Calls for each number with the byte of its lowest two bits and their shift, as Q2_K and Q3_K order them. */
function readTwoBits(source: Uint8Array, at: number, q: Uint8Array): void {
  for (let index = 0; index < elementCount; index += 1) {
    const byte = source[at + ((index >> 7) << 5) + (index & 31)]!;
    q[index] = (byte >> (((index >> 5) & 3) << 1)) & 3;
  }
}

/** `d · scale · q − dmin · min`. */
export const q2_k: BlockFormat = {
  elementCount,
  sizeBytes: 84,
  bits: 4,
  blockSize: 16,
  hasMinima: true,
  unpack(source, at, { q, scales, minima }) {
    const scale = readHalf(source, at + 80);
    const minimum = readHalf(source, at + 82);
    for (let block = 0; block < 16; block += 1) {
      const both = source[at + block]!;
      scales[block] = scale * (both & 15);
      minima[block] = -minimum * (both >> 4);
    }
    readTwoBits(source, at + 16, q);
    for (let index = 0; index < elementCount; index += 1) q[index]! += 8;
  },
};

/** `d · (scale − 32) · q`, where q is from −4 to 3. */
export const q3_k: BlockFormat = {
  elementCount,
  sizeBytes: 110,
  bits: 4,
  blockSize: 16,
  hasMinima: false,
  unpack(source, at, { q, scales }) {
    const scale = readHalf(source, at + 108);
    for (let block = 0; block < 16; block += 1) {
      const byte = source[at + 96 + (block & 7)]!;
      const low = block < 8 ? byte & 15 : byte >> 4;
      const high = (source[at + 104 + (block & 3)]! >> (2 * (block >> 2))) & 3;
      scales[block] = scale * ((low | (high << 4)) - 32);
    }
    readTwoBits(source, at + 32, q);
    for (let index = 0; index < elementCount; index += 1) {
      const high = (source[at + (index & 31)]! >> (index >> 5)) & 1;
      q[index]! += high === 1 ? 8 : 4;
    }
  },
};

/** The 8 scales and minima of 6 bits in 12 bytes of Q4_K and Q5_K; `center` is what a stored number 0 stands for. */
function readScalesAndMinima(
  source: Uint8Array,
  at: number,
  { scales, minima, center }: { scales: Float32Array; minima: Float32Array; center: number },
): void {
  const scale = readHalf(source, at);
  const minimum = readHalf(source, at + 2);
  for (let block = 0; block < 8; block += 1) {
    const first = source[at + 4 + block]!;
    const second = block < 4 ? source[at + 8 + block]! : 0;
    let scaleBits = first & 63;
    let minimumBits = second & 63;
    if (block >= 4) {
      const both = source[at + 8 + block]!;
      scaleBits = (both & 15) | ((source[at + block]! >> 6) << 4);
      minimumBits = (both >> 4) | ((first >> 6) << 4);
    }
    scales[block] = scale * scaleBits;
    minima[block] = center * scale * scaleBits - minimum * minimumBits;
  }
}

/** `d · scale · q − dmin · min`. */
export const q4_k: BlockFormat = {
  elementCount,
  sizeBytes: 144,
  bits: 4,
  blockSize: 32,
  hasMinima: true,
  unpack(source, at, { q, scales, minima }) {
    readScalesAndMinima(source, at, {
      scales,
      minima,
      center: 8,
    });
    for (let index = 0; index < elementCount; index += 1) {
      const byte = source[at + 16 + ((index >> 6) << 5) + (index & 31)]!;
      q[index] = (index & 32) === 0 ? byte & 15 : byte >> 4;
    }
  },
};

/** `d · scale · q − dmin · min`. */
export const q5_k: BlockFormat = {
  elementCount,
  sizeBytes: 176,
  bits: 8,
  blockSize: 32,
  hasMinima: true,
  unpack(source, at, { q, scales, minima }) {
    readScalesAndMinima(source, at, {
      scales,
      minima,
      center: 16,
    });
    for (let index = 0; index < elementCount; index += 1) {
      const byte = source[at + 48 + ((index >> 6) << 5) + (index & 31)]!;
      const low = (index & 32) === 0 ? byte & 15 : byte >> 4;
      const high = (source[at + 16 + (index & 31)]! >> (index >> 5)) & 1;
      q[index] = 112 + (low | (high << 4));
    }
  },
};

/** `d · scale · (q − 32)`. */
export const q6_k: BlockFormat = {
  elementCount,
  sizeBytes: 210,
  bits: 8,
  blockSize: 16,
  hasMinima: false,
  unpack(source, at, { q, scales }) {
    const scale = readHalf(source, at + 208);
    for (let block = 0; block < 16; block += 1) scales[block] = scale * signed(source[at + 192 + block]!);
    for (let index = 0; index < elementCount; index += 1) {
      const byte = source[at + ((index >> 7) << 6) + (index & 63)]!;
      const low = (index & 64) === 0 ? byte & 15 : byte >> 4;
      const high = (source[at + 128 + ((index >> 7) << 5) + (index & 31)]! >> (((index >> 5) & 3) << 1)) & 3;
      q[index] = 96 + (low | (high << 4));
    }
  },
};

/** `d · (scale − 32) · values[q]`. */
export const iq4_xs: BlockFormat = {
  elementCount,
  sizeBytes: 136,
  bits: 8,
  blockSize: 32,
  hasMinima: false,
  unpack(source, at, { q, scales }) {
    const scale = readHalf(source, at);
    const high = source[at + 2]! | (source[at + 3]! << 8);
    for (let block = 0; block < 8; block += 1) {
      const low = (source[at + 4 + (block >> 1)]! >> (4 * (block & 1))) & 15;
      scales[block] = scale * ((low | (((high >> (2 * block)) & 3) << 4)) - 32);
      readNonlinear(source, at + 8 + 16 * block, q.subarray(32 * block, 32 * block + 32));
    }
  },
};
