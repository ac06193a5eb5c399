import { expect, it } from "vitest";
import { gemvMmaBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemv-mma-blocks.ts";
import { describeKernels } from "./kernel-device.ts";
import { exactProduct, noFurther } from "./products.ts";
import { bfloat16, float32, randomNumbers, worstError } from "./stored-numbers.ts";
import { randomBlocks } from "./random-blocks.ts";

describeKernels([gemvMmaBlocks], (open) => {
  const cases = [
    { n: 18, k: 1056, blockSize: 32, has: "nothing", rows: 1, atOnce: 8, warps: 1 },
    { n: 5, k: 2176, blockSize: 128, has: "zero points", rows: 9, atOnce: 8, warps: 4 },
    { n: 16, k: 224, blockSize: 16, has: "minima", rows: 3, atOnce: 8, warps: 2 },
    { n: 3, k: 1304, blockSize: 256, has: "zero points", rows: 16, atOnce: 16, warps: 1 },
    { n: 17, k: 88, blockSize: 64, has: "minima", rows: 11, atOnce: 16, warps: 2 },
    { n: 2, k: 48, blockSize: 32, has: "zero points", rows: 2, atOnce: 8, warps: 1 },
    // Scales of four blocks are copied at once.
    { n: 19, k: 1344, blockSize: 32, has: "minima", rows: 4, atOnce: 8, warps: 2 },
    { n: 21, k: 1280, blockSize: 32, has: "minima", rows: 12, atOnce: 16, warps: 2 },
    { n: 17, k: 640, blockSize: 16, has: "nothing", rows: 5, atOnce: 8, warps: 4 },
    { n: 18, k: 1088, blockSize: 16, has: "minima", rows: 6, atOnce: 8, warps: 1 },
    { n: 20, k: 2432, blockSize: 32, has: "zero points", rows: 10, atOnce: 16, warps: 1 },
    { n: 4, k: 5120, blockSize: 128, has: "nothing", rows: 1, atOnce: 8, warps: 2 },
    // Zero points of eight blocks are read at once.
    { n: 18, k: 2048, blockSize: 32, has: "zero points", rows: 2, atOnce: 8, warps: 2 },
    { n: 17, k: 1152, blockSize: 16, has: "zero points", rows: 8, atOnce: 8, warps: 4 },
  ] as const;
  for (const bits of [4, 8] as const) {
    it.each(cases)(
      `${bits} bits: $rows rows of $k, blocks of $blockSize with $has`,
      ({ n, k, blockSize, has, rows, atOnce, warps }) => {
        using kernels = open();
        const w = randomBlocks({ n, k, bits, blockSize, scaleType: float32, has, seed: n + k });
        const x = randomNumbers(bfloat16, rows * k, { seed: rows });
        const bias = randomNumbers(float32, n, { seed: 5 });
        const parts = [w.q, w.scales, w.zeros, w.minima, undefined, bias.stored];
        const table = BigInt64Array.from(parts, (part) => (part === undefined ? 0n : kernels.put(part)));
        const out = kernels.put(new Float32Array(rows * n).fill(Number.NaN));
        const stageBlocks = Math.max(4, 512 / bits / blockSize);
        kernels.launch(
          `gemv_mma_q${bits}_${atOnce}`,
          {
            grid: [Math.ceil(n / 16), Math.ceil(rows / atOnce)],
            block: 32 * warps,
            sharedBytes: warps * 4 * (1024 + 128 * stageBlocks),
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
          atOnce,
          Math.log2(blockSize),
          ...noFurther,
        );
        const exact = exactProduct(x.exact, w.exact, { n, k, bias: bias.exact });
        expect(worstError(kernels.get(out, new Float32Array(rows * n)), exact)).toBeLessThan(2e-5);
      },
    );
  }
});
