import { expect, it } from "vitest";
import { attentionDecode } from "../../../../src/executors/cuda/kernels/manifests/attention-decode.ts";
import { attentionDecodeBf16 } from "../../../../src/executors/cuda/kernels/manifests/attention-decode-bf16.ts";
import { attentionDecodeI8 } from "../../../../src/executors/cuda/kernels/manifests/attention-decode-i8.ts";
import { attentionJoin } from "../../../../src/executors/cuda/kernels/manifests/attention-join.ts";
import { describeKernels, type KernelDevice } from "./kernel-device.ts";
import {
  type AttentionCase,
  type AttentionData,
  expectRounded,
  outTypeOf,
  pieceArguments,
  randomAttention,
} from "./random-pages.ts";
import { bfloat16, float32, poisonedOf, type StoredType, worstError } from "./stored-numbers.ts";

type DecodeCase = Omit<AttentionCase, "type" | "seed"> & { readonly splits: number };

/** Computed in float32 with all pages, and by tensor cores where those know the width. */
const cases: readonly DecodeCase[] = [
  {
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
    headDim: 64,
    headCount: 3,
    kvHeadCount: 3,
    pieces: [{ length: 5, position: 29 }],
    splits: 2,
    softCap: 1.5,
  },
  {
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
    headDim: 96,
    headCount: 2,
    kvHeadCount: 1,
    pieces: [{ length: 8, position: 60 }],
    splits: 1,
    window: 20,
  },
  {
    headDim: 128,
    headCount: 7,
    kvHeadCount: 1,
    pieces: [{ length: 1, position: 130 }],
    splits: 2,
    window: 40,
    hasSinks: true,
  },
  {
    headDim: 256,
    headCount: 2,
    kvHeadCount: 2,
    pieces: [{ length: 2, position: 33 }],
    splits: 1,
    hasSinks: true,
    softCap: 2,
  },
  {
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
    headDim: 320,
    headCount: 1,
    kvHeadCount: 1,
    pieces: [{ length: 1, position: 18 }],
    splits: 1,
    window: 5,
  },
];

/** Groups of several widths, alone and in several blocks of 16 rows, and contexts that end and begin within a page. */
const tensorCases: readonly DecodeCase[] = [
  { headDim: 64, headCount: 6, kvHeadCount: 2, pieces: [{ length: 1, position: 0 }], splits: 1 },
  {
    headDim: 64,
    headCount: 16,
    kvHeadCount: 1,
    pieces: [
      { length: 1, position: 15 },
      { length: 3, position: 100 },
    ],
    splits: 3,
    window: 37,
  },
  { headDim: 80, headCount: 7, kvHeadCount: 1, pieces: [{ length: 5, position: 62 }], splits: 1, softCap: 2 },
  {
    headDim: 96,
    headCount: 10,
    kvHeadCount: 2,
    pieces: [
      { length: 8, position: 9 },
      { length: 1, position: 79 },
    ],
    splits: 2,
    hasSinks: true,
  },
  {
    headDim: 128,
    headCount: 8,
    kvHeadCount: 1,
    pieces: [{ length: 2, position: 143 }],
    splits: 1,
    window: 80,
  },
  {
    headDim: 128,
    headCount: 5,
    kvHeadCount: 1,
    pieces: [{ length: 4, position: 70 }],
    splits: 5,
    hasSinks: true,
    softCap: 3,
  },
];

/** What a kernel writes, joined where the context is split. */
function decode(
  kernels: KernelDevice,
  data: AttentionData,
  { entry, rows: rowsAtOnce, block, sharedBytes, splits, type = float32 }: DecodeLaunch,
): Float32Array | Uint16Array {
  const { tokenCount, headCount, kvHeadCount, headDim, pieceLengths, sinks } = data;
  const poisoned = poisonedOf(type, tokenCount * headCount * headDim);
  const parts = new Float32Array(tokenCount * headCount * splits * (headDim + 2)).fill(Number.NaN);
  const [out, partial] = [kernels.put(poisoned), kernels.put(parts)];
  const rows = Math.max(...pieceLengths) * (headCount / kvHeadCount);
  kernels.launch(
    entry,
    {
      grid: [kvHeadCount * Math.ceil(rows / rowsAtOnce), pieceLengths.length + 1, splits],
      block,
      sharedBytes,
    },
    ...pieceArguments(kernels, data, { out, partial, type }),
  );
  const result = kernels.get(out, poisoned);
  if (splits === 1) return result;
  const joined = kernels.put(poisonedOf(type, result.length));
  kernels.launch(
    "attention_join",
    { grid: [tokenCount + 1, headCount], block: 64 },
    joined,
    kernels.put(kernels.get(partial, parts)),
    sinks === undefined ? 0n : kernels.put(sinks),
    kernels.put(Int32Array.of(tokenCount)),
    headDim,
    splits,
    outTypeOf(type),
  );
  return kernels.get(joined, result);
}

/** Geometry of a launch, as the heads of the sources say. */
interface DecodeLaunch {
  readonly entry: string;
  readonly rows: number;
  readonly block: number;
  readonly sharedBytes: number;
  readonly splits: number;
  /** Of what is written. [float32] */
  readonly type?: StoredType;
}

const title = `heads of $headDim, $headCount of $kvHeadCount, $splits splits, window $window, cap $softCap`;

describeKernels([attentionDecode, attentionJoin], (open) => {
  const pageTypes = [
    { type: bfloat16, name: "bf16", tile: 32, stages: 2, bytes: 2 },
    { type: float32, name: "f32", tile: 16, stages: 1, bytes: 4 },
    { type: "i8", name: "i8", tile: 32, stages: 2, bytes: 1 },
  ] as const;
  it.each(pageTypes.flatMap((page) => cases.map((options) => ({ ...page, ...options }))))(
    `pages of $name, ${title}`,
    ({ name, tile, stages, bytes, splits, ...options }) => {
      using kernels = open();
      const { headDim, headCount } = options;
      const data = randomAttention({ ...options, seed: headDim + headCount });
      const sharedBytes = 8 * headDim * 4 + stages * 2 * tile * (headDim * bytes + 16);
      const launch = { entry: `attention_decode_${name}`, rows: 8, block: 128, sharedBytes, splits };
      const wide = decode(kernels, data, launch);
      expect(worstError(wide, data.exact)).toBeLessThan(5e-6);
      expectRounded((narrow) => decode(kernels, data, { ...launch, type: narrow }), wide);
    },
  );
});

for (const { module, type } of [
  { module: attentionDecodeBf16, type: bfloat16 },
  { module: attentionDecodeI8, type: "i8" },
] as const) {
  describeKernels([module, attentionJoin], (open) => {
    const launchOf = ({ headDim, splits }: Pick<DecodeCase, "headDim" | "splits">): DecodeLaunch => {
      const warps = headDim > 128 ? 2 : 4;
      const pageBytes = type === "i8" ? 32 * (headDim + 16) + 128 : 32 * (2 * headDim + 16);
      const geometry = { rows: 16, block: 32 * warps, sharedBytes: warps * 2 * pageBytes };
      return { entry: `attention_decode_${headDim}`, ...geometry, splits };
    };
    const known = cases.filter(({ headDim }) => `attention_decode_${headDim}` in module.entries);
    it.each([...known, ...tensorCases])(title, ({ splits, ...options }) => {
      using kernels = open();
      const { headDim, headCount } = options;
      const data = randomAttention({ ...options, type, queryType: bfloat16, seed: headDim + headCount });
      const launch = launchOf({ headDim, splits });
      const wide = decode(kernels, data, launch);
      expect(worstError(wide, data.exact)).toBeLessThan(2 ** -8);
      expectRounded((narrow) => decode(kernels, data, { ...launch, type: narrow }), wide);
    });

    it("computes a row the same with any other rows beside it", () => {
      using kernels = open();
      const options = { type, headDim: 64, headCount: 4, kvHeadCount: 1, window: 50, seed: 5 };
      const data = randomAttention({ ...options, pieces: [{ length: 6, position: 61 }] });
      const launch = launchOf({ headDim: 64, splits: 1 });
      const whole = decode(kernels, data, launch);
      const last = {
        ...data,
        pieceTokens: Int32Array.of(5),
        pieceLengths: Int32Array.of(1),
        piecePositions: Int32Array.of(66),
      };
      const numbers = 4 * 64;
      expect(decode(kernels, last, launch).subarray(5 * numbers)).toEqual(whole.subarray(5 * numbers));
    });
  });
}
