import { expect, it } from "vitest";
import { elementwise } from "../../../../src/executors/cuda/kernels/manifests/elementwise.ts";
import { describeKernels } from "./kernel-device.ts";
import { float32, randomNumbers, worstError } from "./stored-numbers.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const functions: readonly {
  readonly name: "silu" | "sigmoid" | "quick_gelu";
  readonly apply: (x: number) => number;
}[] = [
  { name: "silu", apply: (x) => x * sigmoid(x) },
  { name: "sigmoid", apply: sigmoid },
  { name: "quick_gelu", apply: (x) => x * sigmoid(1.702 * x) },
];

describeKernels([elementwise], (open) => {
  it.each(functions)("$name", ({ name, apply }) => {
    using kernels = open();
    const [rows, width] = [2, 300];
    const x = randomNumbers(float32, rows * width, { seed: 1, scale: 8 });
    const poisoned = float32.store(new Float64Array(rows * width).fill(9e4));
    const out = kernels.put(poisoned);
    kernels.launch(
      name,
      { grid: [Math.ceil(((rows + 1) * width) / 256)], block: 256 },
      out,
      kernels.put(x.stored),
      kernels.put(Int32Array.of(1)),
      rows,
      width,
    );
    expect(worstError(float32.load(kernels.get(out, poisoned)), x.exact.map(apply))).toBeLessThan(1e-6);
  });
});
