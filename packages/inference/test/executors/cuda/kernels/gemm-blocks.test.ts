import { expect, it } from "vitest";
import { gemmBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemm-blocks.ts";
import { describeKernels } from "./kernel-device.ts";
import { exactProduct, noFurther } from "./products.ts";
import { randomBlocks } from "./random-blocks.ts";
import { bfloat16, float16, float32, randomNumbers, worstError } from "./stored-numbers.ts";

const scaleTypes = [float32, float16, bfloat16];

describeKernels([gemmBlocks], (open) => {
  const cases = [
    {
      bits: 4,
      type: bfloat16,
      tile: 32,
      rows: 9,
      n: 131,
      k: 264,
      blockSize: 32,
      has: "zero points",
      scaleType: float32,
    },
    {
      bits: 4,
      type: float16,
      tile: 32,
      rows: 33,
      n: 40,
      k: 72,
      blockSize: 16,
      has: "minima",
      scaleType: bfloat16,
    },
    {
      bits: 4,
      type: float16,
      tile: 128,
      rows: 130,
      n: 130,
      k: 96,
      blockSize: 64,
      has: "nothing",
      scaleType: float16,
    },
    {
      bits: 4,
      type: bfloat16,
      tile: 128,
      rows: 20,
      n: 20,
      k: 136,
      blockSize: 128,
      has: "minima",
      scaleType: float32,
    },
    {
      bits: 8,
      type: bfloat16,
      tile: 32,
      rows: 31,
      n: 129,
      k: 40,
      blockSize: 32,
      has: "nothing",
      scaleType: float32,
    },
    {
      bits: 8,
      type: float16,
      tile: 32,
      rows: 2,
      n: 7,
      k: 304,
      blockSize: 16,
      has: "zero points",
      scaleType: float16,
    },
    {
      bits: 8,
      type: float16,
      tile: 128,
      rows: 129,
      n: 64,
      k: 88,
      blockSize: 256,
      has: "minima",
      scaleType: float32,
    },
    {
      bits: 8,
      type: bfloat16,
      tile: 128,
      rows: 4,
      n: 140,
      k: 64,
      blockSize: 64,
      has: "zero points",
      scaleType: bfloat16,
    },
    // Lines of whole fours of blocks, whose scales are read at once; the last block may be there in part.
    {
      bits: 4,
      type: bfloat16,
      tile: 32,
      rows: 9,
      n: 131,
      k: 512,
      blockSize: 32,
      has: "zero points",
      scaleType: float32,
    },
    {
      bits: 8,
      type: float16,
      tile: 128,
      rows: 20,
      n: 40,
      k: 1024,
      blockSize: 128,
      has: "minima",
      scaleType: float16,
    },
    {
      bits: 4,
      type: float16,
      tile: 128,
      rows: 5,
      n: 20,
      k: 248,
      blockSize: 32,
      has: "minima",
      scaleType: bfloat16,
    },
    {
      bits: 8,
      type: bfloat16,
      tile: 32,
      rows: 3,
      n: 33,
      k: 256,
      blockSize: 64,
      has: "zero points",
      scaleType: float32,
    },
  ] as const;
  it.each(cases)(
    "$bits bits, $type.name: $rows rows of $k, $n outputs, tiles of $tile, blocks of $blockSize with $has",
    ({ bits, type, tile, rows, n, k, blockSize, has, scaleType }) => {
      using kernels = open();
      const w = randomBlocks({ n, k, bits, blockSize, scaleType, has, seed: n + k });
      const x = randomNumbers(type, rows * k, { seed: rows });
      const bias = randomNumbers(float32, n, { seed: 5 });
      const parts = [w.q, w.scales, w.zeros, w.minima, undefined, bias.stored];
      const table = BigInt64Array.from(parts, (part) => (part === undefined ? 0n : kernels.put(part)));
      const out = kernels.put(new Float32Array(rows * n).fill(Number.NaN));
      kernels.launch(
        `gemm_q${bits}_${type.name}_${tile}`,
        {
          grid: [Math.ceil(n / 128), Math.ceil(rows / tile), 1],
          block: 256,
          sharedBytes: 2 * (tile + 128) * 64,
        },
        out,
        kernels.put(x.stored),
        kernels.put(table),
        0n,
        0n,
        kernels.put(Int32Array.of(rows)),
        1,
        n,
        k,
        Math.log2(blockSize),
        scaleTypes.indexOf(scaleType),
        ...noFurther,
      );
      // As the kernel has the weights: in float32, then in 16 bits.
      const rounded = type.load(type.store(Float64Array.from(w.exact, Math.fround)));
      const exact = exactProduct(x.exact, rounded, { n, k, bias: bias.exact });
      expect(worstError(kernels.get(out, new Float32Array(rows * n)), exact)).toBeLessThan(2e-6);
    },
  );

  // Splits that begin within a four of blocks.
  it("computes splits whose sum is the product", () => {
    using kernels = open();
    const [rows, n, k, splits] = [5, 20, 384, 5];
    const w = randomBlocks({ n, k, bits: 4, blockSize: 32, scaleType: float32, has: "minima", seed: 3 });
    const x = randomNumbers(bfloat16, rows * k, { seed: 4 });
    const parts = [w.q, w.scales, w.zeros, w.minima, undefined, undefined];
    const table = BigInt64Array.from(parts, (part) => (part === undefined ? 0n : kernels.put(part)));
    const out = kernels.put(new Float32Array(rows * splits * n).fill(Number.NaN));
    kernels.launch(
      "gemm_q4_bf16_32",
      { grid: [1, 1, splits], block: 256, sharedBytes: 2 * (32 + 128) * 64 },
      out,
      kernels.put(x.stored),
      kernels.put(table),
      0n,
      0n,
      kernels.put(Int32Array.of(rows)),
      1,
      n,
      k,
      5,
      0,
      ...noFurther,
    );
    const found = kernels.get(out, new Float32Array(rows * splits * n));
    const sums = Float32Array.from({ length: rows * n }, (_, at) => {
      const first = Math.floor(at / n) * splits * n + (at % n);
      return Array.from({ length: splits }, (_each, split) => found[first + split * n]!).reduce(
        (a, b) => a + b,
      );
    });
    const rounded = bfloat16.load(bfloat16.store(Float64Array.from(w.exact, Math.fround)));
    const exact = exactProduct(x.exact, rounded, { n, k, bias: new Float64Array(n) });
    expect(worstError(sums, exact)).toBeLessThan(2e-6);
  });
});
