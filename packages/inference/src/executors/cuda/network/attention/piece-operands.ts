import type { attentionDecode } from "../../kernels/manifests/attention-decode.ts";
import { type AttentionRequest, cacheOperands, outTypes } from "./attention-request.ts";
import { addressOf, type OperandsOf } from "../launch.ts";
import type { DeviceValue } from "../program.ts";

/** Positions in the pages that kernels of pieces read. */
export const piecePageTokens = 16;
/** Widths of heads that tensor cores are used for. */
export const tensorHeadDims = [64, 80, 96, 128, 256] as const;

/** What all kernels of pieces take, as `attention-pieces.cuh` describes it. */
export type PieceOperands = OperandsOf<
  (typeof attentionDecode)["entries"]["attention_decode_f32"]["parameters"]
>;

/** What a kernel of pieces is given. `partial` is where parts of the context go. */
export function pieceOperands(request: AttentionRequest, partial?: DeviceValue): PieceOperands {
  const { out, outType, q, options, sinks, pages } = request;
  const {
    layerIndex,
    headCount,
    kvHeadCount,
    headDim,
    scale,
    softCap = 0,
    slidingWindowTokens = 0,
  } = options;
  const { keys, values, keyScales, valueScales } = cacheOperands(layerIndex);
  const hasScales = pages.dtype === "i8";
  return [
    addressOf(out),
    partial && addressOf(partial),
    addressOf(q),
    keys,
    values,
    hasScales ? keyScales : undefined,
    hasScales ? valueScales : undefined,
    sinks,
    { kind: "input", name: "pieceTokens" },
    { kind: "input", name: "pieceLengths" },
    { kind: "input", name: "piecePositions" },
    { kind: "input", name: "sequences" },
    { kind: "input", name: "blockTables" },
    pages.tableStride,
    headCount,
    kvHeadCount,
    headDim,
    slidingWindowTokens,
    scale,
    softCap,
    outTypes[outType],
  ];
}
