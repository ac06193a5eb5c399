import type { BlockRows } from "../block-layout.ts";
import type { BlockFormat } from "./block-format.ts";

const elementCount = 32;
const half = 16;
/** Bytes of 32 numbers. */
const numberBytes = 16;

/** Twice the 16 numbers of E2M1, with 128 added: whole numbers of 8 bits. */
const doubled = Uint8Array.from(
  [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12],
  (value) => value + 128,
);

/** The scale of doubled numbers by its exponent, E8M0; not finite for the exponent that means none. */
const halvedScales = Float32Array.from({ length: 256 }, (_, exponent) =>
  exponent === 255 ? Number.NaN : 2 ** (exponent - 128),
);

/**
 * `2^(e − 127) · E2M1`, where 0 to 15 are in the low halves of the bytes, and 16 to 31 in the high ones.
 *
 * @see https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
 */
export const mxfp4: BlockFormat = {
  elementCount,
  sizeBytes: 1 + numberBytes,
  bits: 8,
  blockSize: elementCount,
  hasMinima: false,
  unpack(source, at, out) {
    out.scales[0] = halvedScales[source[at]!]!;
    for (let index = 0; index < half; index += 1) {
      const byte = source[at + 1 + index]!;
      out.q[index] = doubled[byte & 15]!;
      out.q[index + half] = doubled[byte >> 4]!;
    }
  },
};

/** Unpacks whole rows of numbers whose scales are beside them, where neighbours share a byte. */
export function unpackPairs(
  numbers: Uint8Array,
  exponents: Uint8Array,
  out: Pick<BlockRows, "data" | "scales">,
): void {
  for (const [index, byte] of numbers.entries()) {
    out.data[2 * index] = doubled[byte & 15]!;
    out.data[2 * index + 1] = doubled[byte >> 4]!;
  }
  for (const [index, exponent] of exponents.entries()) out.scales[index] = halvedScales[exponent]!;
}
