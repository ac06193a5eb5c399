import { expect, it } from "vitest";
import { attentionDecodeBf16 } from "../../../../src/executors/cuda/kernels/manifests/attention-decode-bf16.ts";
import { attentionDecodeF32 } from "../../../../src/executors/cuda/kernels/manifests/attention-decode-f32.ts";
import { attentionDecodeI8 } from "../../../../src/executors/cuda/kernels/manifests/attention-decode-i8.ts";
import { attentionJoin } from "../../../../src/executors/cuda/kernels/manifests/attention-join.ts";
import { describeKernels } from "./kernel-device.ts";
import { type AttentionCase, randomAttention } from "./random-pages.ts";
import { bfloat16, float32, worstError } from "./stored-numbers.ts";

/** Types of pages; positions of a tile, tiles on their way and bytes of a number as in attention-decode.cuh. */
const pageTypes = [
  { module: attentionDecodeBf16, type: bfloat16, tile: 32, stages: 2, bytes: 2 },
  { module: attentionDecodeF32, type: float32, tile: 16, stages: 1, bytes: 4 },
  { module: attentionDecodeI8, type: "i8", tile: 32, stages: 2, bytes: 1 },
] as const;
const rowsAtOnce = 8;

const cases: readonly (Omit<AttentionCase, "type" | "seed"> & { entry: string; splits: number })[] = [
  {
    entry: "64",
    headDim: 64,
    headCount: 4,
    kvHeadCount: 2,
    pieces: [
      { length: 1, position: 40 },
      { length: 1, position: 0 },
    ],
    splits: 1,
  },
  {
    entry: "64",
    headDim: 64,
    headCount: 3,
    kvHeadCount: 3,
    pieces: [{ length: 5, position: 29 }],
    splits: 2,
    softCap: 1.5,
  },
  {
    entry: "80",
    headDim: 80,
    headCount: 4,
    kvHeadCount: 1,
    pieces: [
      { length: 1, position: 17 },
      { length: 3, position: 70 },
    ],
    splits: 3,
    hasSinks: true,
  },
  {
    entry: "96",
    headDim: 96,
    headCount: 2,
    kvHeadCount: 1,
    pieces: [{ length: 8, position: 60 }],
    splits: 1,
    window: 20,
  },
  {
    entry: "128",
    headDim: 128,
    headCount: 7,
    kvHeadCount: 1,
    pieces: [{ length: 1, position: 130 }],
    splits: 2,
    window: 40,
    hasSinks: true,
  },
  {
    entry: "256",
    headDim: 256,
    headCount: 2,
    kvHeadCount: 2,
    pieces: [{ length: 2, position: 33 }],
    splits: 1,
    hasSinks: true,
    softCap: 2,
  },
  {
    entry: "any",
    headDim: 16,
    headCount: 4,
    kvHeadCount: 2,
    pieces: [
      { length: 1, position: 50 },
      { length: 2, position: 15 },
    ],
    splits: 4,
  },
  {
    entry: "any",
    headDim: 320,
    headCount: 1,
    kvHeadCount: 1,
    pieces: [{ length: 1, position: 18 }],
    splits: 1,
    window: 5,
  },
];

for (const { module, type, tile, stages, bytes } of pageTypes) {
  describeKernels([module, attentionJoin], (open) => {
    it.each(cases)(
      `heads of $headDim, $headCount of $kvHeadCount, $splits splits, window $window`,
      ({ entry, splits, ...options }) => {
        using kernels = open();
        const { headDim, headCount, kvHeadCount, pieces, window = 0, softCap = 0 } = options;
        const data = randomAttention({ ...options, type, seed: headDim + headCount });
        const { tokenCount } = data;
        const poisoned = new Float32Array(tokenCount * headCount * headDim).fill(Number.NaN);
        const parts = new Float32Array(tokenCount * headCount * splits * (headDim + 2)).fill(Number.NaN);
        const [out, partial] = [kernels.put(poisoned), kernels.put(parts)];
        const rows = Math.max(...pieces.map(({ length }) => length)) * (headCount / kvHeadCount);
        const put = (numbers: Parameters<typeof kernels.put>[0] | undefined): bigint =>
          numbers === undefined ? 0n : kernels.put(numbers);
        kernels.launch(
          `attention_decode_${type === float32 ? "any" : entry}`,
          {
            grid: [kvHeadCount * Math.ceil(rows / rowsAtOnce), pieces.length + 1, splits],
            block: 128,
            sharedBytes: rowsAtOnce * headDim * 4 + stages * 2 * tile * (headDim * bytes + 16),
          },
          out,
          partial,
          kernels.put(data.q),
          kernels.put(data.keys),
          kernels.put(data.values),
          put(data.keyScales),
          put(data.valueScales),
          put(data.sinks),
          kernels.put(Int32Array.of(...data.pieceTokens, 0)),
          kernels.put(Int32Array.of(...data.pieceLengths, 0)),
          kernels.put(Int32Array.of(...data.piecePositions, 0)),
          kernels.put(data.sequences),
          kernels.put(data.tables),
          data.tableStride,
          headCount,
          kvHeadCount,
          headDim,
          window,
          data.scale,
          softCap,
        );
        let result = kernels.get(out, poisoned);
        if (splits > 1) {
          const joined = kernels.put(new Float32Array(result.length).fill(Number.NaN));
          const grid = [tokenCount + 1, headCount] as const;
          const counts = kernels.put(Int32Array.of(tokenCount));
          kernels.launch(
            "attention_join",
            { grid, block: 64 },
            joined,
            kernels.put(kernels.get(partial, parts)),
            put(data.sinks),
            counts,
            headDim,
            splits,
          );
          result = kernels.get(joined, result);
        }
        expect(worstError(result, data.exact)).toBeLessThan(5e-6);
      },
    );
  });
}
