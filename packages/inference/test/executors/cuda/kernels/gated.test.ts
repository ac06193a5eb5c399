import { expect, it } from "vitest";
import { gated } from "../../../../src/executors/cuda/kernels/manifests/gated.ts";
import { describeKernels } from "./kernel-device.ts";
import { bfloat16, float16, float32, randomNumbers, worstError } from "./stored-numbers.ts";

/** The integral of the normal distribution by Simpson's rule, from far enough below. */
function normalIntegral(x: number): number {
  const [start, steps] = [-12, 4000];
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  const width = (x - start) / steps;
  let sum = density(start) + density(x);
  for (let i = 1; i < steps; i += 1) sum += (i % 2 === 1 ? 4 : 2) * density(start + i * width);
  return (sum * width) / 3;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const activations: readonly { readonly name: string; readonly apply: (x: number) => number }[] = [
  { name: "silu", apply: (x) => x * sigmoid(x) },
  {
    name: "gelu_tanh",
    apply: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  },
  { name: "gelu", apply: (x) => x * normalIntegral(x) },
  { name: "quick_gelu", apply: (x) => x * sigmoid(1.702 * x) },
];

describeKernels([gated], (open) => {
  for (const { type, tolerance } of [
    { type: float32, tolerance: 1e-6 },
    { type: bfloat16, tolerance: 2 ** -8 },
    { type: float16, tolerance: 2 ** -11 },
  ]) {
    it.each(activations)(`${type.name}: $name`, ({ name, apply }) => {
      using kernels = open();
      const [rows, width] = [2, 300];
      const gate = randomNumbers(float32, rows * width, { seed: 1, scale: 8 });
      const up = randomNumbers(float32, rows * width, { seed: 2 });
      const poisoned = type.store(new Float64Array(rows * width).fill(9e4));
      const out = kernels.put(poisoned);
      kernels.launch(
        `gated_${type.name}`,
        { grid: [Math.ceil(width / 256), rows + 1], block: 256 },
        out,
        kernels.put(gate.stored),
        kernels.put(up.stored),
        kernels.put(Int32Array.of(1)),
        2,
        width,
        activations.findIndex((each) => each.name === name),
      );
      const exact = gate.exact.map((each, at) => apply(each) * up.exact[at]!);
      expect(worstError(type.load(kernels.get(out, poisoned)), exact)).toBeLessThan(tolerance);
    });
  }
});
