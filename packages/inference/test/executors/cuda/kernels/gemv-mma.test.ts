import { expect, it } from "vitest";
import { gemvMma } from "../../../../src/executors/cuda/kernels/manifests/gemv-mma.ts";
import { describeKernels } from "./kernel-device.ts";
import { exactProduct, noFurther } from "./products.ts";
import { bfloat16, float16, float32, randomNumbers, worstError } from "./stored-numbers.ts";

describeKernels([gemvMma], (open) => {
  const sizes = [
    { n: 33, k: 264, rows: 1, atOnce: 8, warps: 1 },
    { n: 16, k: 1032, rows: 3, atOnce: 8, warps: 4 },
    { n: 7, k: 520, rows: 11, atOnce: 8, warps: 2 },
    { n: 20, k: 136, rows: 16, atOnce: 16, warps: 2 },
    { n: 5, k: 8, rows: 19, atOnce: 16, warps: 2 },
  ] as const;
  for (const type of [bfloat16, float16]) {
    it.each(sizes)(
      `${type.name}: $rows rows of $k, $n outputs, $warps warps`,
      ({ n, k, rows, atOnce, warps }) => {
        using kernels = open();
        const w = randomNumbers(type, n * k, { seed: n + k });
        const x = randomNumbers(type, rows * k, { seed: rows });
        const bias = randomNumbers(float32, n, { seed: 5 });
        const table = BigInt64Array.of(kernels.put(w.stored), 0n, 0n, 0n, 0n, kernels.put(bias.stored));
        const out = kernels.put(new Float32Array(rows * n).fill(Number.NaN));
        kernels.launch(
          `gemv_mma_${type.name}_${atOnce}`,
          {
            grid: [Math.ceil(n / 16), Math.ceil(rows / atOnce) + 1],
            block: 32 * warps,
            sharedBytes: warps * 16 * atOnce * 4,
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
          ...noFurther,
        );
        const exact = exactProduct(x.exact, w.exact, { n, k, bias: bias.exact });
        expect(worstError(kernels.get(out, new Float32Array(rows * n)), exact)).toBeLessThan(2e-6);
      },
    );
  }
});
