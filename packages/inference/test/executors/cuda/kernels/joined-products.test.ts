import { expect, it } from "vitest";
import { gemm } from "../../../../src/executors/cuda/kernels/manifests/gemm.ts";
import { gemmBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemm-blocks.ts";
import { gemvMma } from "../../../../src/executors/cuda/kernels/manifests/gemv-mma.ts";
import { gemvMmaBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemv-mma-blocks.ts";
import { sumSplits } from "../../../../src/executors/cuda/kernels/manifests/sum-splits.ts";
import { describeKernels, type KernelDevice } from "./kernel-device.ts";
import { noFurther } from "./products.ts";
import { randomBlocks } from "./random-blocks.ts";
import { bfloat16, float32, randomNumbers } from "./stored-numbers.ts";

const [k, blockSize, expertCount] = [128, 16, 3];

interface JoinedKernel {
  readonly entry: string;
  readonly rows: number;
  /** Rows of a tile, and outputs of a block. */
  readonly tile: number;
  readonly outputs: number;
  readonly threads: number;
  readonly sharedBytes: number;
  /** Behind the common arguments. */
  readonly rest: readonly number[];
  readonly bits?: 4 | 8;
  readonly splits: number;
}

const joinedKernels: readonly JoinedKernel[] = [
  {
    entry: "gemv_mma_bf16_8",
    rows: 5,
    tile: 8,
    outputs: 16,
    threads: 64,
    sharedBytes: 2 * 16 * 8 * 4,
    rest: [8],
    splits: 1,
  },
  {
    entry: "gemv_mma_q4_16",
    rows: 11,
    tile: 16,
    outputs: 16,
    threads: 64,
    sharedBytes: 2 * 4 * (1024 + 128 * 8),
    rest: [16, 4],
    bits: 4,
    splits: 1,
  },
  {
    entry: "gemm_bf16_32",
    rows: 20,
    tile: 32,
    outputs: 128,
    threads: 256,
    sharedBytes: 4 * 160 * 64,
    rest: [],
    splits: 2,
  },
  {
    entry: "gemm_q8_bf16_32",
    rows: 33,
    tile: 32,
    outputs: 128,
    threads: 256,
    sharedBytes: 2 * 160 * 64,
    rest: [4, 0],
    bits: 8,
    splits: 1,
  },
];

/** The six addresses of a matrix of `n` rows. */
function putMatrix(
  kernels: KernelDevice,
  n: number,
  { bits, seed }: { readonly bits: 4 | 8 | undefined; readonly seed: number },
): bigint[] {
  const put = (part: Parameters<KernelDevice["put"]>[0] | undefined): bigint =>
    part === undefined ? 0n : kernels.put(part);
  const bias = randomNumbers(float32, n, { seed: seed + 1 }).stored;
  if (bits === undefined) {
    return [randomNumbers(bfloat16, n * k, { seed }).stored, ...Array(4).fill(undefined), bias].map(put);
  }
  const w = randomBlocks({ n, k, bits, blockSize, scaleType: float32, has: "zero points", seed });
  return [w.q, w.scales, w.zeros, w.minima, undefined, bias].map(put);
}

describeKernels([gemm, gemmBlocks, gemvMma, gemvMmaBlocks, sumSplits], (open) => {
  for (const kernel of joinedKernels) {
    const { entry, rows, tile, outputs, threads, sharedBytes, rest, bits, splits } = kernel;
    it.each([
      { widths: [33, 7, 150], of: "all rows" },
      { widths: [16, 128], of: "all rows" },
      { widths: [20, 130], of: "experts" },
    ])(`${entry}: $widths outputs of $of at once are those of each alone`, ({ widths, of }) => {
      using kernels = open();
      const x = kernels.put(randomNumbers(bfloat16, rows * k, { seed: rows }).stored);
      const counts = kernels.put(Int32Array.of(rows));
      const count = of === "experts" ? expertCount : 1;
      const tiles = Math.ceil(rows / tile);
      // The second expert has the first rows in reverse, the last one has none.
      const order = Int32Array.from({ length: tiles * tile }, (_, at) => (at < rows ? rows - 1 - at : -1));
      const places =
        count === 1
          ? [0n, 0n]
          : [kernels.put(Int32Array.from({ length: tiles }, (_, at) => (at + 1) % 2)), kernels.put(order)];
      const matrices = widths.map((n, at) =>
        Array.from({ length: count }, (_, expert) =>
          putMatrix(kernels, n, { bits, seed: 100 * at + 10 * expert + 1 }),
        ),
      );
      const poisoned = (n: number): Float32Array => new Float32Array(rows * n).fill(Number.NaN);
      /** Computes some of the products with one launch. */
      const multiply = (parts: readonly number[]): readonly Float32Array[] => {
        const table = kernels.put(
          BigInt64Array.from(
            Array.from({ length: count }, (_, expert) =>
              parts.flatMap((at) => matrices[at]![expert]!),
            ).flat(),
          ),
        );
        const [n, n2 = 0, n3 = 0] = parts.map((at) => widths[at]!);
        const across = (size: number): number =>
          parts.reduce((sum, at) => sum + Math.ceil(widths[at]! / size), 0);
        const launch = (to: readonly bigint[]): void =>
          kernels.launch(
            entry,
            { grid: [across(outputs), tiles, splits], block: threads, sharedBytes },
            to[0]!,
            x,
            table,
            places[0]!,
            places[1]!,
            counts,
            1,
            n!,
            k,
            ...rest,
            ...(parts.length === 1 ? noFurther : [to[1]!, n2, to[2] ?? 0n, n3]),
          );
        const outs = parts.map((at) => kernels.put(poisoned(widths[at]!)));
        if (splits === 1) {
          launch(outs);
        } else {
          const partial = parts.map((at) => kernels.put(poisoned(splits * widths[at]!)));
          launch(partial);
          const matrixOf = count === 1 ? 0n : kernels.put(new Int32Array(rows).fill(1));
          kernels.launch(
            "sum_splits",
            { grid: [across(256), rows], block: 256 },
            outs[0]!,
            partial[0]!,
            table,
            matrixOf,
            counts,
            1,
            n!,
            splits,
            outs[1] ?? 0n,
            partial[1] ?? 0n,
            n2,
            outs[2] ?? 0n,
            partial[2] ?? 0n,
            n3,
          );
        }
        return outs.map((out, at) => kernels.get(out, poisoned(widths[parts[at]!]!)));
      };
      const all = multiply([...widths.keys()]);
      for (const [at, joined] of all.entries()) {
        const [alone] = multiply([at]);
        expect(joined).toEqual(alone);
        expect(joined.some(Number.isNaN)).toBe(false);
      }
    });
  }
});
