import { attentionPrefillBf16 } from "../../kernels/manifests/attention-prefill-bf16.ts";
import { attentionPrefillI8 } from "../../kernels/manifests/attention-prefill-i8.ts";
import type { AttentionRequest } from "./attention-request.ts";
import { launchOf } from "../launch.ts";
import { pieceOperands, tensorHeadDims } from "./piece-operands.ts";
import type { PassShape, Variant } from "../program.ts";

const rowsOfBlock = 64;

/** Of pieces of any length, by tensor cores; none with pages of float32. */
export function prefillAttentions(request: AttentionRequest): readonly Variant[] {
  const { headCount, kvHeadCount, headDim } = request.options;
  const { dtype } = request.pages;
  const known = tensorHeadDims.find((each) => each === headDim);
  if (dtype === "f32" || known === undefined) return [];
  const tile = headDim > 96 ? 32 : 64;
  const stagedBytes = dtype === "i8" ? 2 * tile * (headDim + 4) : 0;
  const details = {
    grid: ({ longestPieceTokens, pieceCount }: PassShape) => {
      const rows = longestPieceTokens * (headCount / kvHeadCount);
      return [Math.ceil(rows / rowsOfBlock), kvHeadCount, pieceCount] as const;
    },
    block: 128,
    dynamicSharedBytes: (rowsOfBlock + 2 * tile) * (headDim + 8) * 2 + stagedBytes,
    operands: pieceOperands(request),
  };
  const launch =
    dtype === "i8"
      ? launchOf(attentionPrefillI8, `attention_prefill_${known}`, details)
      : launchOf(attentionPrefillBf16, `attention_prefill_${known}`, details);
  return [{ fits: () => true, launches: [launch] }];
}
