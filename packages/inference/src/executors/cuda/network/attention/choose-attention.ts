import { attention } from "../../kernels/manifests/attention.ts";
import { type AttentionRequest, cacheOperands, outTypes } from "./attention-request.ts";
import { addressOf, launchOf, rowGrid } from "../launch.ts";
import { pieceAttentions } from "./piece-attention.ts";
import type { Variant } from "../program.ts";

/** The ways to compute attention, the best ones first. */
export function chooseAttention(request: AttentionRequest): readonly Variant[] {
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
  const geometry = { grid: rowGrid(out.rows, headCount), block: 32 };
  const rest = [
    sinks,
    { kind: "input", name: "positions" },
    { kind: "input", name: "sequences" },
    { kind: "input", name: "blockTables" },
    { kind: "input", name: "tokenCount" },
    pages.tableStride,
    pages.pageTokens,
    kvHeadCount,
    headDim,
    slidingWindowTokens,
    scale,
    softCap,
    outTypes[outType],
  ] as const;
  const { keys, values, keyScales, valueScales } = cacheOperands(layerIndex);
  const first = [addressOf(out), addressOf(q), keys, values] as const;
  const launch =
    pages.dtype === "i8"
      ? launchOf(attention, "attention_i8", {
          ...geometry,
          operands: [...first, keyScales, valueScales, ...rest],
        })
      : launchOf(attention, `attention_${pages.dtype}`, { ...geometry, operands: [...first, ...rest] });
  return [...pieceAttentions(request), { fits: () => true, launches: [launch] }];
}
