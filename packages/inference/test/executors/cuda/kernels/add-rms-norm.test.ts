import { expect, it } from "vitest";
import { addRmsNorm } from "../../../../src/executors/cuda/kernels/manifests/add-rms-norm.ts";
import { describeKernels } from "./kernel-device.ts";
import { bfloat16, float16, float32, randomNumbers, worstError } from "./stored-numbers.ts";

const epsilon = 1e-5;

describeKernels([addRmsNorm], (open) => {
  const cases = [
    { width: 1028, delta: true, sum: "in place" },
    { width: 77, delta: true, sum: "beside" },
    { width: 64, delta: false, sum: "none" },
    { width: 1030, delta: true, sum: "none" },
    { width: 2048, delta: true, sum: "none" },
  ] as const;
  for (const { type, tolerance } of [
    { type: float32, tolerance: 2e-6 },
    { type: bfloat16, tolerance: 2 ** -8 },
    { type: float16, tolerance: 2 ** -11 },
  ]) {
    it.each(cases)(
      `${type.name}: rows of $width, delta $delta, sum $sum`,
      ({ width, delta: hasDelta, sum: place }) => {
        using kernels = open();
        const rows = 3;
        const x = randomNumbers(float32, rows * width, { seed: width, scale: 3 });
        const delta = randomNumbers(float32, rows * width, { seed: 2, scale: hasDelta ? 1 : 0 });
        const weight = randomNumbers(float32, width, { seed: 3 });
        const poisoned = type.store(new Float64Array(rows * width).fill(9e4));
        const [out, input] = [kernels.put(poisoned), kernels.put(x.stored)];
        const beside = kernels.put(new Float32Array(rows * width).fill(Number.NaN));
        const sumAt = { "in place": input, beside, none: 0n }[place];
        kernels.launch(
          `add_rms_norm_${type.name}`,
          { grid: [rows + 1], block: 256 },
          out,
          sumAt,
          input,
          hasDelta ? kernels.put(delta.stored) : 0n,
          kernels.put(weight.stored),
          kernels.put(Int32Array.of(rows)),
          1,
          width,
          epsilon,
        );
        const sums = x.exact.map((each, at) => each + delta.exact[at]!);
        if (place !== "none") {
          expect(worstError(kernels.get(sumAt, new Float32Array(rows * width)), sums)).toBeLessThan(1e-7);
        }
        const exact = sums.map((each, at) => {
          const row = Math.floor(at / width);
          let squares = 0;
          for (let i = 0; i < width; i += 1) squares += sums[row * width + i]! ** 2;
          return (each / Math.sqrt(squares / width + epsilon)) * weight.exact[at % width]!;
        });
        expect(worstError(type.load(kernels.get(out, poisoned)), exact)).toBeLessThan(tolerance);
      },
    );
  }
});
