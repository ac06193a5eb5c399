import type { BlockLayout } from "../block-layout.ts";
import type { GroupedWeight } from "../stored-weight.ts";

/** How a weight in groups is written for an executor. */
export interface GroupedLayout {
  readonly layout: BlockLayout;
  /** Whether blocks have the numbers of the checkpoint. If not, those are quantized again. */
  readonly isExact: boolean;
  /** Which column of the weight is at each place of a row. `undefined` for their own order. */
  readonly columnOrder: Int32Array | undefined;
}

/** Sizes of blocks that executors compute with, the best one first. */
const blockSizes = [256, 128, 64, 32, 16];
const smallBlock = 32;

/**
 * Plans the blocks of a weight: a group is one block or several with the same scale. Groups of other sizes are
 * quantized again, with 8 bits.
 */
export function layoutOfGroups(weight: GroupedWeight): GroupedLayout {
  const { bits, groupSize, columnGroups, zeroPoints, shape } = weight;
  const [, columns = 0] = shape;
  const dividing = blockSizes.find((size) => groupSize % size === 0);
  // The last block of a row may be shorter, where the row is one group.
  const blockSize = dividing ?? (groupSize === columns ? smallBlock : undefined);
  if (blockSize === undefined) {
    return {
      layout: { bits: 8, blockSize: smallBlock, hasMinima: false },
      isExact: false,
      columnOrder: undefined,
    };
  }
  const layout = {
    bits: bits <= 4 ? 4 : 8,
    blockSize,
    hasMinima: false,
    hasZeroPoints: zeroPoints !== undefined,
  } as const;
  return { layout, isExact: true, columnOrder: columnGroups && orderByGroup(columnGroups) };
}

/** The columns of each group, one group after the other. */
function orderByGroup(groups: Int32Array): Int32Array {
  const columns = Int32Array.from(groups, (_, column) => column);
  return columns.sort((a, b) => groups[a]! - groups[b]! || a - b);
}
