import { expect, it } from "vitest";
import { gemvBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemv-blocks.ts";
import { describeKernels } from "./kernel-device.ts";
import { exactProduct } from "./products.ts";
import { bfloat16, float16, float32, randomNumbers, worstError } from "./stored-numbers.ts";
import { randomBlocks } from "./random-blocks.ts";

const scaleTypes = [float32, float16, bfloat16];

describeKernels([gemvBlocks], (open) => {
  const cases = [
    { n: 9, k: 1056, blockSize: 32, has: "nothing", scaleType: float32, rows: 1, atOnce: 1, warps: 1 },
    { n: 5, k: 2176, blockSize: 128, has: "zero points", scaleType: float32, rows: 2, atOnce: 2, warps: 4 },
    { n: 4, k: 200, blockSize: 16, has: "minima", scaleType: bfloat16, rows: 3, atOnce: 4, warps: 2 },
    { n: 3, k: 1300, blockSize: 256, has: "zero points", scaleType: float16, rows: 9, atOnce: 8, warps: 1 },
    { n: 3, k: 87, blockSize: 64, has: "nothing", scaleType: float16, rows: 1, atOnce: 1, warps: 4 },
    { n: 2, k: 33, blockSize: 16, has: "zero points", scaleType: float32, rows: 2, atOnce: 2, warps: 1 },
  ] as const;
  for (const bits of [4, 8] as const) {
    it.each(cases)(
      `${bits} bits: $rows rows of $k, blocks of $blockSize with $has`,
      ({ n, k, blockSize, has, scaleType, rows, atOnce, warps }) => {
        using kernels = open();
        const w = randomBlocks({ n, k, bits, blockSize, scaleType, has, seed: n + k });
        const x = randomNumbers(float32, rows * k, { seed: rows });
        const bias = randomNumbers(float32, n, { seed: 5 });
        const parts = [w.q, w.scales, w.zeros, w.minima, undefined, bias.stored];
        const table = BigInt64Array.from(parts, (part) => (part === undefined ? 0n : kernels.put(part)));
        const out = kernels.put(new Float32Array(rows * n).fill(Number.NaN));
        kernels.launch(
          `gemv_q${bits}_r${atOnce}`,
          { grid: [Math.ceil((n * warps) / 4), 1, Math.ceil(rows / atOnce)], block: 128 },
          out,
          kernels.put(x.stored),
          kernels.put(table),
          0n,
          0n,
          kernels.put(Int32Array.of(rows)),
          1,
          n,
          k,
          warps,
          Math.log2(blockSize),
          scaleTypes.indexOf(scaleType),
        );
        const exact = exactProduct(x.exact, w.exact, { n, k, bias: bias.exact });
        expect(worstError(kernels.get(out, new Float32Array(rows * n)), exact)).toBeLessThan(2e-6);
      },
    );
  }
});
