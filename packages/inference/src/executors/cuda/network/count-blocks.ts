import type { PassShape, Program } from "./program.ts";

/** Blocks that a grid can have in y, and in z. */
export const mostGridBlocks = 65_535;

/**
 * Counts the blocks in y or z of the largest grid of a pass with so many rows. Rows are in y for some kernels, and a token of
 * a mixture has a row for each of its experts.
 */
export function countBlocks(
  { steps }: Pick<Program, "steps">,
  { tokens, logits }: { readonly tokens: number; readonly logits: number },
): number {
  const shape: PassShape = {
    tokenCount: tokens,
    logitCount: logits,
    pieceCount: 1,
    longestPieceTokens: tokens,
    isAdapted: true,
    longestContextTokens: tokens,
    sampledTokenCount: 1,
    isDrawn: true,
    isEdited: true,
    isRanked: true,
  };
  let most = 0;
  for (const { variants } of steps) {
    for (const launch of variants.find(({ fits }) => fits(shape))?.launches ?? []) {
      if (launch.kind !== "kernel") continue;
      const [, y, z] = launch.grid(shape);
      most = Math.max(most, y, z);
    }
  }
  return most;
}
