import { readHalf } from "../half.ts";
import type { BlockFormat, UnpackedBlock } from "./block-format.ts";

// Blocks of 32 numbers with one scale. Numbers 0 to 15 are in the low halves of the bytes, 16 to 31 in the high ones.
const elementCount = 32;
const half = 16;

/** What a number of 5 bits becomes in 8: `q − 16 + 128`. */
const fiveToEight = 112;

function readNibbles(source: Uint8Array, at: number, q: Uint8Array): void {
  for (let index = 0; index < half; index += 1) {
    const byte = source[at + index]!;
    q[index] = byte & 15;
    q[index + half] = byte >> 4;
  }
}

/** Numbers of 5 bits: the highest bits are 32 bits at `highAt`, the others halves of bytes at `at`. */
function readFiveBits(
  source: Uint8Array,
  { at, highAt }: { readonly at: number; readonly highAt: number },
  q: Uint8Array,
): void {
  for (let index = 0; index < half; index += 1) {
    const byte = source[at + index]!;
    const low = (source[highAt + (index >> 3)]! >> (index & 7)) & 1;
    const high = (source[highAt + 2 + (index >> 3)]! >> (index & 7)) & 1;
    q[index] = fiveToEight + ((byte & 15) | (low << 4));
    q[index + half] = fiveToEight + ((byte >> 4) | (high << 4));
  }
}

/** `d · (q − 8)`. */
export const q4_0: BlockFormat = {
  elementCount,
  sizeBytes: 18,
  bits: 4,
  blockSize: 32,
  hasMinima: false,
  unpack(source, at, out) {
    out.scales[0] = readHalf(source, at);
    readNibbles(source, at + 2, out.q);
  },
};

/** `d · q + m`. */
export const q4_1: BlockFormat = {
  elementCount,
  sizeBytes: 20,
  bits: 4,
  blockSize: 32,
  hasMinima: true,
  unpack(source, at, out) {
    const scale = readHalf(source, at);
    out.scales[0] = scale;
    out.minima[0] = readHalf(source, at + 2) + 8 * scale;
    readNibbles(source, at + 4, out.q);
  },
};

/** `d · (q − 16)`. */
export const q5_0: BlockFormat = {
  elementCount,
  sizeBytes: 22,
  bits: 8,
  blockSize: 32,
  hasMinima: false,
  unpack(source, at, out) {
    out.scales[0] = readHalf(source, at);
    readFiveBits(
      source,
      {
        at: at + 6,
        highAt: at + 2,
      },
      out.q,
    );
  },
};

/** `d · q + m`. */
export const q5_1: BlockFormat = {
  elementCount,
  sizeBytes: 24,
  bits: 8,
  blockSize: 32,
  hasMinima: true,
  unpack(source, at, out) {
    const scale = readHalf(source, at);
    out.scales[0] = scale;
    out.minima[0] = readHalf(source, at + 2) + 16 * scale;
    readFiveBits(
      source,
      {
        at: at + 8,
        highAt: at + 4,
      },
      out.q,
    );
  },
};

/** `d · q`, where q has a sign. */
export const q8_0: BlockFormat = {
  elementCount,
  sizeBytes: 34,
  bits: 8,
  blockSize: 32,
  hasMinima: false,
  unpack(source, at, out) {
    out.scales[0] = readHalf(source, at);
    for (let index = 0; index < elementCount; index += 1) out.q[index] = source[at + 2 + index]! ^ 128;
  },
};

/** What the 16 values of IQ4_NL and IQ4_XS become in 8 bits. */
const nonlinear = Uint8Array.from(
  [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
  (value) => value + 128,
);

/** Reads 32 of the 16 values. */
export function readNonlinear(source: Uint8Array, at: number, q: Uint8Array): void {
  for (let index = 0; index < half; index += 1) {
    const byte = source[at + index]!;
    q[index] = nonlinear[byte & 15]!;
    q[index + half] = nonlinear[byte >> 4]!;
  }
}

/** `d · values[q]`. */
export const iq4_nl: BlockFormat = {
  elementCount,
  sizeBytes: 18,
  bits: 8,
  blockSize: 32,
  hasMinima: false,
  unpack(source, at, out: UnpackedBlock) {
    out.scales[0] = readHalf(source, at);
    readNonlinear(source, at + 2, out.q);
  },
};
