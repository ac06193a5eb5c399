import { expect, it } from "vitest";
import { narrow } from "../../../../src/executors/cuda/kernels/manifests/narrow.ts";
import { describeKernels } from "./kernel-device.ts";
import { bfloat16, float16, float32, randomNumbers } from "./stored-numbers.ts";

describeKernels([narrow], (open) => {
  it.each([bfloat16, float16])("rounds to the nearest $name", (type) => {
    using kernels = open();
    const [rows, width] = [3, 300];
    const { stored, exact } = randomNumbers(float32, rows * width, { seed: 4, scale: 50 });
    stored.set([1e6, -1e6, 1e-6, 0], 7);
    const out = kernels.put(new Uint16Array(rows * width).fill(0xffff));
    const counts = kernels.put(Int32Array.of(rows));
    const geometry = { grid: [2, rows + 1], block: 256 } as const;
    kernels.launch(`narrow_${type.name}`, geometry, out, kernels.put(stored), counts, 1, width);
    // f16 has no number above 65504.
    const largest = type === float16 ? 65_504 : Infinity;
    exact.set([Math.min(1e6, largest), -Math.min(1e6, largest), Math.fround(1e-6), 0], 7);
    expect(kernels.get(out, new Uint16Array(rows * width))).toEqual(type.store(exact));
  });
});
