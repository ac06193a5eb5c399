import { expect, it } from "vitest";
import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import { argmax } from "../../../../src/executors/cuda/kernels/manifests/argmax.ts";
import { describeKernels } from "./kernel-device.ts";

describeKernels([argmax], (open) => {
  const [vocab, tokenCount] = [1003, 990];
  const random = createRandom(3);
  const rowOf = (...special: readonly (readonly [id: number, logit: number])[]): Float32Array => {
    const row = Float32Array.from({ length: vocab }, () => random() * 8 - 4);
    for (const [id, logit] of special) row[id] = logit;
    return row;
  };
  const negative = Float32Array.from({ length: vocab }, (_, id) => -5 - id);
  const cases = [
    { what: "the largest one", row: rowOf([517, 9]), expected: [517, 0, 0] },
    { what: "the first of equal ones", row: rowOf([700, 9], [41, 9], [989, 9]), expected: [41, 0, 0] },
    { what: "0 and −0 as equal", row: negative.with(30, 0).with(29, -0), expected: [29, 0, 0] },
    { what: "the largest of negative ones", row: negative, expected: [0, 0, 0] },
    { what: "no id that is not a token", row: rowOf([995, 50], [3, 20]), expected: [3, 0, 0] },
    {
      what: "one that others are masked for",
      row: new Float32Array(vocab).fill(-Infinity).with(77, -3e38),
      expected: [77, 0, 0],
    },
    { what: "none where all are masked", row: new Float32Array(vocab).fill(-Infinity), expected: [-1, 0, 0] },
    {
      what: "none beside NaN",
      row: rowOf([5, Number.NaN], [1002, Number.NaN], [8, 9]),
      expected: [-1, 2, 0],
    },
    { what: "none beside infinity", row: rowOf([998, Infinity]), expected: [-1, 0, 1] },
  ];
  it.each([32, 256, 1024])("takes what greedy sampling takes, with %i threads", (block) => {
    using kernels = open();
    const rows = cases.length;
    const logits = Float32Array.from(cases.flatMap(({ row }) => [...row]));
    const tokens = kernels.put(new Int32Array(rows).fill(-9));
    const status = kernels.put(new Int32Array(2 * rows).fill(-9));
    const counts = kernels.put(Int32Array.of(rows));
    kernels.launch(
      "argmax",
      { grid: [rows + 1], block },
      tokens,
      status,
      kernels.put(logits),
      counts,
      1,
      vocab,
      tokenCount,
    );
    const ids = kernels.get(tokens, new Int32Array(rows));
    const states = kernels.get(status, new Int32Array(2 * rows));
    const got = cases.map(({ what }, at) => ({ what, got: [ids[at], states[2 * at], states[2 * at + 1]] }));
    expect(got).toEqual(cases.map(({ what, expected }) => ({ what, got: expected })));
  });
});
