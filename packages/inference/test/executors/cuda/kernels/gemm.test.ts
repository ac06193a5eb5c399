import { expect, it } from "vitest";
import { gemm } from "../../../../src/executors/cuda/kernels/manifests/gemm.ts";
import { sumSplits } from "../../../../src/executors/cuda/kernels/manifests/sum-splits.ts";
import { describeKernels } from "./kernel-device.ts";
import { exactProduct, noFurther } from "./products.ts";
import { bfloat16, float16, float32, randomNumbers, worstError } from "./stored-numbers.ts";

describeKernels([gemm, sumSplits], (open) => {
  const cases = [
    { tile: 16, rows: 5, n: 131, k: 72, splits: 1 },
    { tile: 16, rows: 17, n: 40, k: 264, splits: 2 },
    { tile: 32, rows: 33, n: 128, k: 96, splits: 1 },
    { tile: 64, rows: 70, n: 150, k: 104, splits: 3 },
    { tile: 128, rows: 130, n: 129, k: 56, splits: 1 },
  ];
  for (const type of [bfloat16, float16]) {
    it.each(cases)(
      `${type.name}: $rows rows of $k, $n outputs, tiles of $tile, $splits splits`,
      ({ tile, rows, n, k, splits }) => {
        using kernels = open();
        const w = randomNumbers(type, n * k, { seed: n + k });
        const x = randomNumbers(type, rows * k, { seed: rows });
        const bias = randomNumbers(float32, n, { seed: 5 });
        const table = kernels.put(
          BigInt64Array.of(kernels.put(w.stored), 0n, 0n, 0n, 0n, kernels.put(bias.stored)),
        );
        const poisoned = new Float32Array(rows * splits * n).fill(Number.NaN);
        const out = kernels.put(poisoned);
        const counts = kernels.put(Int32Array.of(rows));
        const stages = tile >= 64 ? 3 : 4;
        kernels.launch(
          `gemm_${type.name}_${tile}`,
          {
            grid: [Math.ceil(n / 128), Math.ceil(rows / tile) + 1, splits],
            block: 256,
            sharedBytes: stages * (tile + 128) * 64,
          },
          out,
          kernels.put(x.stored),
          table,
          0n,
          0n,
          counts,
          1,
          n,
          k,
          ...noFurther,
        );
        let result = kernels.get(out, poisoned);
        if (splits > 1) {
          const joined = kernels.put(new Float32Array(rows * n).fill(Number.NaN));
          kernels.launch(
            "sum_splits",
            { grid: [Math.ceil(n / 256), rows], block: 256 },
            joined,
            kernels.put(result),
            table,
            0n,
            counts,
            1,
            n,
            splits,
            0n,
            0n,
            0,
            0n,
            0n,
            0,
          );
          result = kernels.get(joined, new Float32Array(rows * n));
        }
        expect(worstError(result, exactProduct(x.exact, w.exact, { n, k, bias: bias.exact }))).toBeLessThan(
          2e-6,
        );
      },
    );
  }
});
