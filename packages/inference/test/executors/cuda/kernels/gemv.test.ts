import { expect, it } from "vitest";
import { gemv } from "../../../../src/executors/cuda/kernels/manifests/gemv.ts";
import { sumSplits } from "../../../../src/executors/cuda/kernels/manifests/sum-splits.ts";
import { describeKernels } from "./kernel-device.ts";
import { exactProduct } from "./products.ts";
import { bfloat16, float16, float32, randomNumbers, worstError } from "./stored-numbers.ts";

const poison = Number.NaN;

describeKernels([gemv, sumSplits], (open) => {
  const sizes = [
    { n: 9, k: 1032, rows: 1, atOnce: 1, warps: 1, splits: 1 },
    { n: 7, k: 2056, rows: 2, atOnce: 2, warps: 4, splits: 1 },
    { n: 6, k: 264, rows: 3, atOnce: 4, warps: 2, splits: 1 },
    { n: 5, k: 2600, rows: 7, atOnce: 8, warps: 1, splits: 3 },
    { n: 5, k: 8, rows: 11, atOnce: 4, warps: 4, splits: 2 },
    { n: 6, k: 1036, rows: 3, atOnce: 4, warps: 1, splits: 1 },
    { n: 3, k: 131, rows: 8, atOnce: 8, warps: 2, splits: 2 },
    { n: 4, k: 77, rows: 1, atOnce: 1, warps: 4, splits: 1 },
  ];
  for (const weights of [bfloat16, float16]) {
    it.each(sizes)(
      `${weights.name}: $rows rows of $k, $n outputs, $splits splits of $warps warps`,
      ({ n, k, rows, atOnce, warps, splits }) => {
        using kernels = open();
        const w = randomNumbers(weights, n * k, { seed: n + k });
        const x = randomNumbers(float32, rows * k, { seed: rows });
        const bias = randomNumbers(float32, n, { seed: 5 });
        const table = kernels.put(
          BigInt64Array.of(kernels.put(w.stored), 0n, 0n, 0n, 0n, kernels.put(bias.stored)),
        );
        const poisoned = new Float32Array(rows * splits * n).fill(poison);
        const out = kernels.put(poisoned);
        const counts = kernels.put(Int32Array.of(rows));
        kernels.launch(
          `gemv_${weights.name}_r${atOnce}`,
          { grid: [Math.ceil((n * warps) / 4), splits, Math.ceil(rows / atOnce) + 1], block: 128 },
          out,
          kernels.put(x.stored),
          table,
          0n,
          0n,
          counts,
          1,
          n,
          k,
          warps,
        );
        let result = kernels.get(out, poisoned);
        if (splits > 1) {
          const joined = kernels.put(new Float32Array(rows * n).fill(poison));
          const partial = kernels.put(result);
          kernels.launch(
            "sum_splits",
            { grid: [Math.ceil(n / 256), rows + 1], block: 256 },
            joined,
            partial,
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
        const exact = exactProduct(x.exact, w.exact, { n, k, bias: bias.exact });
        expect(worstError(result, exact)).toBeLessThan(2e-6);
      },
    );
  }

  it("takes the matrix of each tile", () => {
    using kernels = open();
    const [n, k, rows] = [5, 264, 4];
    const matrixOf = Int32Array.of(2, 0, 0, 1);
    const ws = [1, 2, 3].map((seed) => randomNumbers(bfloat16, n * k, { seed }));
    const x = randomNumbers(float32, rows * k, { seed: 9 });
    const table = BigInt64Array.from(ws.flatMap(({ stored }) => [kernels.put(stored), 0n, 0n, 0n, 0n, 0n]));
    const out = kernels.put(new Float32Array(rows * n).fill(poison));
    const counts = kernels.put(Int32Array.of(2));
    kernels.launch(
      "gemv_bf16_r1",
      { grid: [5, 1, rows], block: 128 },
      out,
      kernels.put(x.stored),
      kernels.put(table),
      kernels.put(matrixOf),
      0n,
      counts,
      2,
      n,
      k,
      4,
    );
    const exact = Float64Array.from({ length: rows * n }, (_, at) => {
      const [row, i] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let j = 0; j < k; j += 1) sum += ws[matrixOf[row]!]!.exact[i * k + j]! * x.exact[row * k + j]!;
      return sum;
    });
    expect(worstError(kernels.get(out, new Float32Array(rows * n)), exact)).toBeLessThan(2e-6);
  });
});
