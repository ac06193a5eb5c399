import { attentionDecodeBf16 } from "../kernels/manifests/attention-decode-bf16.ts";
import { attentionDecodeF32 } from "../kernels/manifests/attention-decode-f32.ts";
import { attentionDecodeI8 } from "../kernels/manifests/attention-decode-i8.ts";
import { attentionPrefillBf16 } from "../kernels/manifests/attention-prefill-bf16.ts";
import { type AttentionRequest, cacheOperands } from "./attention-request.ts";
import { addressOf, launchOf } from "./launch.ts";
import type { PassShape, Variant } from "./program.ts";

const pageTokens = 16;
/** Every device has so much for a block. */
const mostSharedBytes = 96 * 1024;
const rowsOfDecode = 8;
const rowsOfPrefill = 64;
const headDims = [64, 80, 96, 128, 256] as const;
/** How the kernels of short pieces read pages: positions at once, those on their way, and bytes of a number. */
const decodeTiles = {
  bf16: { tile: 32, stages: 2, bytes: 2, multiple: 8 },
  f32: { tile: 16, stages: 1, bytes: 4, multiple: 8 },
  i8: { tile: 32, stages: 2, bytes: 1, multiple: 16 },
} as const;

/** Attention that reads keys and values once for the heads and tokens of a piece; none for some heads and pages. */
export function pieceAttentions(request: AttentionRequest): readonly Variant[] {
  if (request.pages.pageTokens !== pageTokens) return [];
  return [decodeAttention(request), prefillAttention(request)].filter((variant) => variant !== undefined);
}

/** What the kernels of pieces read beside queries and pages. */
function pieceOperands({ sinks, pages, options }: AttentionRequest) {
  const { headCount, kvHeadCount } = options;
  return [
    sinks,
    { kind: "input", name: "pieceTokens" },
    { kind: "input", name: "pieceLengths" },
    { kind: "input", name: "piecePositions" },
    { kind: "input", name: "sequences" },
    { kind: "input", name: "blockTables" },
    pages.tableStride,
    headCount,
    kvHeadCount,
  ] as const;
}

/** Of pieces of up to 8 tokens: generated ones, and drafts of them. */
function decodeAttention(request: AttentionRequest): Variant | undefined {
  const { out, q, options, pages } = request;
  const { layerIndex, headCount, kvHeadCount, headDim, scale, softCap = 0 } = options;
  const { tile, stages, bytes, multiple } = decodeTiles[pages.dtype];
  const dynamicSharedBytes = rowsOfDecode * headDim * 4 + stages * 2 * tile * (headDim * bytes + 16);
  if (headDim % multiple !== 0 || dynamicSharedBytes > mostSharedBytes) return undefined;
  const { keys, values, keyScales, valueScales } = cacheOperands(layerIndex);
  const isSplit = undefined;
  const scales =
    pages.dtype === "i8" ? ([keyScales, valueScales] as const) : ([undefined, undefined] as const);
  const window = options.slidingWindowTokens ?? 0;
  const details = {
    grid: ({ longestPieceTokens, pieceCount }: PassShape) => {
      const rows = longestPieceTokens * (headCount / kvHeadCount);
      return [kvHeadCount * Math.ceil(rows / rowsOfDecode), pieceCount, 1] as const;
    },
    block: 128,
    dynamicSharedBytes,
    operands: [
      addressOf(out),
      isSplit,
      addressOf(q),
      keys,
      values,
      ...scales,
      ...pieceOperands(request),
      headDim,
      window,
      scale,
      softCap,
    ] as const,
  };
  const known = headDims.find((each) => each === headDim) ?? "any";
  const launch = {
    bf16: () => launchOf(attentionDecodeBf16, `attention_decode_${known}`, details),
    f32: () => launchOf(attentionDecodeF32, "attention_decode_any", details),
    i8: () => launchOf(attentionDecodeI8, `attention_decode_${known}`, details),
  }[pages.dtype]();
  return { fits: ({ longestPieceTokens }) => longestPieceTokens <= 8, launches: [launch] };
}

/** Of longer pieces, by tensor cores. */
function prefillAttention(request: AttentionRequest): Variant | undefined {
  const { out, q, options, pages } = request;
  const { layerIndex, headCount, kvHeadCount, headDim, scale, softCap = 0 } = options;
  const known = headDims.find((each) => each === headDim);
  if (pages.dtype !== "bf16" || known === undefined) return undefined;
  const { keys, values } = cacheOperands(layerIndex);
  const tile = headDim > 96 ? 32 : 64;
  const launch = launchOf(attentionPrefillBf16, `attention_prefill_${known}`, {
    grid: ({ longestPieceTokens, pieceCount }: PassShape) => {
      const rows = longestPieceTokens * (headCount / kvHeadCount);
      return [Math.ceil(rows / rowsOfPrefill), kvHeadCount, pieceCount];
    },
    block: 128,
    dynamicSharedBytes: (rowsOfPrefill + 2 * tile) * (headDim + 8) * 2,
    operands: [
      addressOf(out),
      addressOf(q),
      keys,
      values,
      ...pieceOperands(request),
      options.slidingWindowTokens ?? 0,
      scale,
      softCap,
    ],
  });
  return { fits: () => true, launches: [launch] };
}
