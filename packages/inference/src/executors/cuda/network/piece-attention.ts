import { attentionDecodeBf16 } from "../kernels/manifests/attention-decode-bf16.ts";
import { attentionDecodeF32 } from "../kernels/manifests/attention-decode-f32.ts";
import { attentionDecodeI8 } from "../kernels/manifests/attention-decode-i8.ts";
import { attentionJoin } from "../kernels/manifests/attention-join.ts";
import { attentionPrefillBf16 } from "../kernels/manifests/attention-prefill-bf16.ts";
import { type AttentionRequest, cacheOperands } from "./attention-request.ts";
import { addressOf, busyBlocks, launchOf, rowGrid, rowThreads } from "./launch.ts";
import type { DeviceValue, KernelLaunch, PassShape, Variant } from "./program.ts";

const pageTokens = 16;
/** Every device has so much for a block. */
const mostSharedBytes = 96 * 1024;
const rowsOfDecode = 8;
const mostDecodeTokens = 8;
/** Positions that are worth a split. */
const splitTokens = 128;
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
  return [...decodeAttentions(request), ...prefillAttentions(request)];
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

/** Of pieces of up to 8 tokens: generated ones, and drafts of them. A few pieces of long contexts are split. */
function decodeAttentions(request: AttentionRequest): readonly Variant[] {
  const { out, q, options, sinks, pages, workspace } = request;
  const { layerIndex, headCount, kvHeadCount, headDim, scale, softCap = 0 } = options;
  const { tile, stages, bytes, multiple } = decodeTiles[pages.dtype];
  const dynamicSharedBytes = rowsOfDecode * headDim * 4 + stages * 2 * tile * (headDim * bytes + 16);
  if (headDim % multiple !== 0 || dynamicSharedBytes > mostSharedBytes) return [];
  const { keys, values, keyScales, valueScales } = cacheOperands(layerIndex);
  const scales =
    pages.dtype === "i8" ? ([keyScales, valueScales] as const) : ([undefined, undefined] as const);
  const window = options.slidingWindowTokens ?? 0;
  const blocksOf = ({ longestPieceTokens }: PassShape): number =>
    kvHeadCount * Math.ceil((longestPieceTokens * (headCount / kvHeadCount)) / rowsOfDecode);
  const splitsOf = (shape: PassShape): number => {
    const contextTokens = Math.min(shape.longestContextTokens, window || Infinity);
    const wanted = Math.floor(busyBlocks / (blocksOf(shape) * shape.pieceCount));
    return Math.max(1, Math.min(wanted, Math.floor(contextTokens / splitTokens)));
  };
  const detailsOf = (partial: DeviceValue | undefined) => ({
    grid: (shape: PassShape) =>
      [blocksOf(shape), shape.pieceCount, partial === undefined ? 1 : splitsOf(shape)] as const,
    block: 128,
    dynamicSharedBytes,
    operands: [
      addressOf(out),
      partial && addressOf(partial),
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
  });
  const known = headDims.find((each) => each === headDim) ?? "any";
  const launch = (partial?: DeviceValue): KernelLaunch => {
    const details = detailsOf(partial);
    switch (pages.dtype) {
      case "bf16":
        return launchOf(attentionDecodeBf16, `attention_decode_${known}`, details);
      case "f32":
        return launchOf(attentionDecodeF32, "attention_decode_any", details);
      case "i8":
        return launchOf(attentionDecodeI8, `attention_decode_${known}`, details);
      default:
        return pages.dtype satisfies never;
    }
  };
  const isShort = ({ longestPieceTokens }: PassShape): boolean => longestPieceTokens <= mostDecodeTokens;
  const whole = { fits: isShort, launches: [launch()] };
  const mostTokens = Math.min(pages.tableStride * pageTokens, window || Infinity);
  if (mostTokens < 2 * splitTokens) return [whole];
  // A block has 8 rows of a split at most.
  const parts = workspace.scratch(busyBlocks * rowsOfDecode * (headDim + 2), { of: "pass", factor: 1 });
  const join = launchOf(attentionJoin, "attention_join", {
    grid: rowGrid(out.rows, headCount),
    block: rowThreads(headDim),
    operands: [
      addressOf(out),
      addressOf(parts),
      sinks,
      { kind: "input", name: "tokenCount" },
      headDim,
      splitsOf,
    ],
  });
  const split = {
    fits: (shape: PassShape) => isShort(shape) && splitsOf(shape) > 1,
    launches: [launch(parts), join],
  };
  return [split, whole];
}

/** Of longer pieces, by tensor cores. */
function prefillAttentions(request: AttentionRequest): readonly Variant[] {
  const { out, q, options, pages } = request;
  const { layerIndex, headCount, kvHeadCount, headDim, scale, softCap = 0 } = options;
  const known = headDims.find((each) => each === headDim);
  if (pages.dtype !== "bf16" || known === undefined) return [];
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
  return [{ fits: () => true, launches: [launch] }];
}
