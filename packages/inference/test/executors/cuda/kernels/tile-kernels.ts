import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import type { KernelDevice, KernelGeometry } from "./kernel-device.ts";
import { noFurther } from "./products.ts";
import { randomBlocks } from "./random-blocks.ts";
import { bfloat16, float16, float32, randomNumbers, type StoredType } from "./stored-numbers.ts";

/** A matrix as kernels read it: its six addresses, and its numbers. */
export interface TestMatrix {
  readonly parts: readonly (Parameters<KernelDevice["put"]>[0] | undefined)[];
  readonly exact: Float64Array;
}

/** A kernel that multiplies tiles of rows, and how it is launched. */
export interface TileKernel {
  readonly entry: string;
  readonly size: number;
  readonly x: StoredType;
  readonly matrix: (seed: number) => TestMatrix;
  readonly geometry: (tiles: number) => KernelGeometry;
  /** Numbers behind the common ones. */
  readonly rest: readonly (number | bigint)[];
}

/** Sizes of all their matrices. */
export const [n, k]: readonly [number, number] = [37, 72];
const blockSize = 16;

const biasOf = (seed: number) => randomNumbers(float32, n, { seed: seed + 50 }).stored;

function dense(type: StoredType): TileKernel["matrix"] {
  return (seed) => {
    const w = randomNumbers(type, n * k, { seed });
    return { parts: [w.stored, undefined, undefined, undefined, undefined, biasOf(seed)], exact: w.exact };
  };
}

function blocks(bits: 4 | 8, x: StoredType): TileKernel["matrix"] {
  return (seed) => {
    const w = randomBlocks({ n, k, bits, blockSize, scaleType: float32, has: "zero points", seed });
    // Tensor cores have the weights in the type of their inputs.
    const exact = x === float32 ? w.exact : x.load(x.store(Float64Array.from(w.exact, Math.fround)));
    return { parts: [w.q, w.scales, w.zeros, w.minima, undefined, biasOf(seed)], exact };
  };
}

/** Integers of 8 bits by column, with a scale for each row. */
function integers(seed: number): TestMatrix {
  const random = createRandom(seed);
  const q = Int8Array.from({ length: n * k }, () => random() * 255 - 127);
  const scales = randomNumbers(float32, n, { seed: seed + 1 });
  const exact = Float64Array.from({ length: n * k }, (_, at) => {
    const [row, column] = [Math.floor(at / k), at % k];
    return scales.exact[row]! * q[column * n + row]!;
  });
  return { parts: [q, scales.stored, undefined, undefined, undefined, biasOf(seed)], exact };
}

function gemvKernel(type: string, size: number, matrix: TileKernel["matrix"]): TileKernel {
  const warps = 2;
  return {
    entry: `gemv_${type}_r${size}`,
    size,
    x: float32,
    matrix,
    geometry: (tiles) => ({ grid: [Math.ceil((n * warps) / 4), 1, tiles], block: 128 }),
    rest: type.startsWith("q") ? [warps, Math.log2(blockSize), 0] : [warps],
  };
}

/** Kernels for 8 rows of 16 bits, which take smaller tiles too. */
function gemvMmaKernel(
  type: string,
  size: number,
  { x, matrix }: Pick<TileKernel, "x" | "matrix">,
): TileKernel {
  const warps = 2;
  const isBlocks = type.startsWith("q");
  const warpBytes = isBlocks ? 4 * (1024 + 128 * Math.max(4, 64 / blockSize)) : 16 * 8 * 4;
  return {
    entry: `gemv_mma_${type}_8`,
    size,
    x,
    matrix,
    geometry: (tiles) => ({
      grid: [Math.ceil(n / 16), tiles],
      block: 32 * warps,
      sharedBytes: warps * warpBytes,
    }),
    rest: [...(isBlocks ? [size, Math.log2(blockSize)] : [size]), ...noFurther],
  };
}

function gemmKernel(
  entry: string,
  size: number,
  { x, matrix }: Pick<TileKernel, "x" | "matrix">,
): TileKernel {
  const stages = entry.startsWith("gemm_q") ? 2 : size === 32 ? 4 : 3;
  return {
    entry,
    size,
    x,
    matrix,
    geometry: (tiles) => ({ grid: [1, tiles, 1], block: 256, sharedBytes: stages * (size + 128) * 64 }),
    rest: [...(entry.startsWith("gemm_q") ? [Math.log2(blockSize), 0] : []), ...noFurther],
  };
}

function productKernel(type: string, size: number, matrix: TileKernel["matrix"]): TileKernel {
  const rows = Math.min(size, 32);
  return {
    entry: `product_${type}`,
    size,
    x: float32,
    matrix,
    geometry: (tiles) => ({
      grid: [Math.ceil(n / 32), (tiles * size) / rows],
      block: [32, Math.ceil(rows / 4)],
    }),
    rest: [rows, size / rows, ...(type === "i8" ? [] : [type.startsWith("q") ? blockSize : 0])],
  };
}

/** Kernels of products, each with a number of rows of a tile. */
export const tileKernels: readonly TileKernel[] = [
  gemvKernel("bf16", 2, dense(bfloat16)),
  gemvKernel("bf16", 8, dense(bfloat16)),
  gemvKernel("f16", 4, dense(float16)),
  gemvKernel("q4", 4, blocks(4, float32)),
  gemvKernel("q8", 8, blocks(8, float32)),
  gemvMmaKernel("bf16", 8, { x: bfloat16, matrix: dense(bfloat16) }),
  gemvMmaKernel("f16", 2, { x: float16, matrix: dense(float16) }),
  gemvMmaKernel("q8", 4, { x: bfloat16, matrix: blocks(8, float32) }),
  gemmKernel("gemm_bf16_32", 32, { x: bfloat16, matrix: dense(bfloat16) }),
  gemmKernel("gemm_f16_128", 128, { x: float16, matrix: dense(float16) }),
  gemmKernel("gemm_q4_bf16_32", 32, { x: bfloat16, matrix: blocks(4, bfloat16) }),
  gemmKernel("gemm_q8_bf16_128", 128, { x: bfloat16, matrix: blocks(8, bfloat16) }),
  productKernel("f32", 2, dense(float32)),
  productKernel("bf16", 8, dense(bfloat16)),
  productKernel("q4", 32, blocks(4, float32)),
  productKernel("i8", 128, integers),
];
