import { attentionDecode } from "../../kernels/manifests/attention-decode.ts";
import { attentionDecodeBf16 } from "../../kernels/manifests/attention-decode-bf16.ts";
import { attentionDecodeI8 } from "../../kernels/manifests/attention-decode-i8.ts";
import { attentionJoin } from "../../kernels/manifests/attention-join.ts";
import { type AttentionRequest, outTypes } from "./attention-request.ts";
import { addressOf, busyBlocks, launchOf, rowGrid, rowThreads } from "../launch.ts";
import { type PieceOperands, pieceOperands, piecePageTokens, tensorHeadDims } from "./piece-operands.ts";
import type { DeviceValue, KernelLaunch, PassShape, Variant } from "../program.ts";

/** Every device has so much for a block. */
const mostSharedBytes = 96 * 1024;
const mostTokens = 8;
/** Positions that are worth a split. */
const splitTokens = 128;
const stages = 2;
/** How the kernels of any head read pages: positions at once, those on their way, and bytes of a number. */
const anyHeads = {
  bf16: { tile: 32, stages: 2, bytes: 2, multiple: 8 },
  f32: { tile: 16, stages: 1, bytes: 4, multiple: 8 },
  i8: { tile: 32, stages: 2, bytes: 1, multiple: 16 },
} as const;

/** A kernel of short pieces. */
interface DecodeKernel {
  /** Rows of a block: heads of tokens. */
  readonly rows: number;
  readonly block: number;
  readonly dynamicSharedBytes: number;
  readonly launch: (details: DecodeDetails) => KernelLaunch;
}

interface DecodeDetails {
  readonly grid: KernelLaunch["grid"];
  readonly block: number;
  readonly dynamicSharedBytes: number;
  readonly operands: PieceOperands;
}

/** Of pieces of up to 8 tokens: generated ones, and drafts of them. A few pieces of long contexts are split. */
export function decodeAttentions(request: AttentionRequest): readonly Variant[] {
  const { out, outType, options, sinks, pages, workspace } = request;
  const { headCount, kvHeadCount, headDim, slidingWindowTokens = 0 } = options;
  const kernel = tensorKernel(request) ?? anyKernel(request);
  if (kernel === undefined) return [];
  const { rows, block, dynamicSharedBytes } = kernel;
  const blocksOf = ({ longestPieceTokens }: PassShape): number =>
    kvHeadCount * Math.ceil((longestPieceTokens * (headCount / kvHeadCount)) / rows);
  const splitsOf = (shape: PassShape): number => {
    const contextTokens = Math.min(shape.longestContextTokens, slidingWindowTokens || Infinity);
    const wanted = Math.floor(busyBlocks / (blocksOf(shape) * shape.pieceCount));
    return Math.max(1, Math.min(wanted, Math.floor(contextTokens / splitTokens)));
  };
  const launch = (partial?: DeviceValue): KernelLaunch =>
    kernel.launch({
      grid: (shape) => [blocksOf(shape), shape.pieceCount, partial === undefined ? 1 : splitsOf(shape)],
      block,
      dynamicSharedBytes,
      operands: pieceOperands(request, partial),
    });
  const isShort = ({ longestPieceTokens }: PassShape): boolean => longestPieceTokens <= mostTokens;
  const whole = { fits: isShort, launches: [launch()] };
  const contextTokens = Math.min(pages.tableStride * piecePageTokens, slidingWindowTokens || Infinity);
  if (contextTokens < 2 * splitTokens) return [whole];
  const parts = workspace.scratch(busyBlocks * rows * (headDim + 2), { of: "pass", factor: 1 });
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
      outTypes[outType],
    ],
  });
  const split = {
    fits: (shape: PassShape) => isShort(shape) && splitsOf(shape) > 1,
    launches: [launch(parts), join],
  };
  return [split, whole];
}

/**
 * By tensor cores: queries and weights are rounded to bf16, as for longer pieces, so that a row does not depend on how many
 * there are.
 */
function tensorKernel({
  options: { headDim },
  pages: { dtype },
}: AttentionRequest): DecodeKernel | undefined {
  const known = tensorHeadDims.find((each) => each === headDim);
  if (known === undefined || dtype === "f32") return undefined;
  const [bytes, scaleBytes] = dtype === "i8" ? [1, 128] : [2, 0];
  const warps = headDim > 128 ? 2 : 4;
  return {
    rows: 16,
    block: 32 * warps,
    dynamicSharedBytes: warps * stages * (2 * piecePageTokens * (headDim * bytes + 16) + scaleBytes),
    launch: (details) =>
      dtype === "i8"
        ? launchOf(attentionDecodeI8, `attention_decode_${known}`, details)
        : launchOf(attentionDecodeBf16, `attention_decode_${known}`, details),
  };
}

/** In float32, with heads of any width. */
function anyKernel({ options: { headDim }, pages: { dtype } }: AttentionRequest): DecodeKernel | undefined {
  const rows = 8;
  const { tile, bytes, multiple, stages: tiles } = anyHeads[dtype];
  const dynamicSharedBytes = rows * headDim * 4 + tiles * 2 * tile * (headDim * bytes + 16);
  if (headDim % multiple !== 0 || dynamicSharedBytes > mostSharedBytes) return undefined;
  const launch = (details: DecodeDetails): KernelLaunch =>
    launchOf(attentionDecode, `attention_decode_${dtype}`, details);
  return { rows, block: 128, dynamicSharedBytes, launch };
}
