import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import { randomNumbers, type StoredType } from "./stored-numbers.ts";

/** How a random matrix in blocks is stored. */
export interface BlocksOptions {
  readonly n: number;
  readonly k: number;
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly scaleType: StoredType;
  readonly has: "nothing" | "zero points" | "minima";
  readonly seed: number;
}

/** A matrix of random integers in blocks, as it is stored, and its numbers in float64, `(n, k)`. */
export function randomBlocks({ n, k, bits, blockSize, scaleType, has, seed }: BlocksOptions): {
  readonly q: Uint8Array;
  readonly scales: Float32Array | Uint16Array;
  readonly zeros: Uint8Array | undefined;
  readonly minima: Float32Array | undefined;
  readonly exact: Float64Array;
} {
  const random = createRandom(seed);
  const blocks = Math.ceil(k / blockSize);
  const rowBytes = (blocks * blockSize * bits) / 8;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => random() * 256);
  const q = bytes(n * rowBytes);
  const zeros = has === "zero points" ? bytes(n * zeroBytes) : undefined;
  const scales = randomNumbers(scaleType, n * blocks, { seed: seed + 1 });
  const minima =
    has === "minima" ? Float32Array.from({ length: n * blocks }, () => random() - 0.5) : undefined;
  const integerAt = (from: Uint8Array, start: number, index: number): number =>
    bits === 8 ? from[start + index]! : (from[start + (index >> 1)]! >> (4 * (index & 1))) & 15;
  const exact = Float64Array.from({ length: n * k }, (_, at) => {
    const [row, column] = [Math.floor(at / k), at % k];
    const block = Math.floor(column / blockSize);
    const zero = zeros === undefined ? 2 ** (bits - 1) : integerAt(zeros, row * zeroBytes, block);
    const number = scales.exact[row * blocks + block]! * (integerAt(q, row * rowBytes, column) - zero);
    return number + (minima?.[row * blocks + block] ?? 0);
  });
  return { q, scales: scales.stored, zeros, minima, exact };
}
