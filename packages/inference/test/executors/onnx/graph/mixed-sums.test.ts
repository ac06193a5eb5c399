import { expect, test } from "vitest";
import { hasExactMixedSums } from "../../../../src/executors/onnx/graph/mixed-sums.ts";

test.each([
  ["x64", "flags\t: avx2 avx512f avx512_vnni avx512_bitalg", true],
  ["x64", "flags\t: avx2 avx_vnni", true],
  ["x64", "flags\t: avx2 avx512f avx512bw", false],
  ["x64", undefined, false],
  ["arm64", undefined, true],
])("on %s with %j: %s", (architecture, flags, isExact) => {
  expect(hasExactMixedSums({ architecture, flags })).toBe(isExact);
});
