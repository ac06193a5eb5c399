import { expect, it } from "vitest";
import { attentionPrefillBf16 } from "../../../../src/executors/cuda/kernels/manifests/attention-prefill-bf16.ts";
import { attentionPrefillI8 } from "../../../../src/executors/cuda/kernels/manifests/attention-prefill-i8.ts";
import { describeKernels } from "./kernel-device.ts";
import { type AttentionCase, expectRounded, pieceArguments, randomAttention } from "./random-pages.ts";
import { bfloat16, float32, poisonedOf, type StoredType, worstError } from "./stored-numbers.ts";

const rowsAtOnce = 64;

const cases: readonly Omit<AttentionCase, "type" | "seed">[] = [
  {
    headDim: 64,
    headCount: 4,
    kvHeadCount: 2,
    pieces: [
      { length: 41, position: 0 },
      { length: 3, position: 90 },
    ],
  },
  {
    headDim: 64,
    headCount: 2,
    kvHeadCount: 2,
    pieces: [{ length: 70, position: 5 }],
    window: 24,
    hasSinks: true,
  },
  { headDim: 80, headCount: 3, kvHeadCount: 1, pieces: [{ length: 30, position: 37 }], softCap: 1.5 },
  { headDim: 96, headCount: 1, kvHeadCount: 1, pieces: [{ length: 17, position: 64 }], hasSinks: true },
  { headDim: 128, headCount: 5, kvHeadCount: 1, pieces: [{ length: 14, position: 100 }], window: 50 },
  {
    headDim: 256,
    headCount: 2,
    kvHeadCount: 1,
    pieces: [{ length: 33, position: 15 }],
    softCap: 3,
    window: 7,
  },
];

for (const { module, type } of [
  { module: attentionPrefillBf16, type: bfloat16 },
  { module: attentionPrefillI8, type: "i8" },
] as const) {
  describeKernels([module], (open) => {
    it.each(cases)(
      `heads of $headDim, $headCount of $kvHeadCount, window $window, cap $softCap`,
      (options) => {
        using kernels = open();
        const { headDim, headCount, kvHeadCount, pieces } = options;
        const data = randomAttention({ ...options, type, queryType: bfloat16, seed: headDim + headCount });
        const rows = Math.max(...pieces.map(({ length }) => length)) * (headCount / kvHeadCount);
        const tile = headDim > 96 ? 32 : 64;
        const stagedBytes = type === "i8" ? 2 * tile * (headDim + 4) : 0;
        const prefill = (outType: StoredType): Float32Array | Uint16Array => {
          const poisoned = poisonedOf(outType, data.tokenCount * headCount * headDim);
          const out = kernels.put(poisoned);
          kernels.launch(
            `attention_prefill_${headDim}`,
            {
              grid: [Math.ceil(rows / rowsAtOnce), kvHeadCount, pieces.length + 1],
              block: 128,
              sharedBytes: (rowsAtOnce + 2 * tile) * (headDim + 8) * 2 + stagedBytes,
            },
            ...pieceArguments(kernels, data, { out, partial: 0n, type: outType }),
          );
          return kernels.get(out, poisoned);
        };
        const wide = prefill(float32);
        expect(worstError(wide, data.exact)).toBeLessThan(2 ** -8);
        expectRounded(prefill, wide);
      },
    );
  });
}
