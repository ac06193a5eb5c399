import type { ExpertRouting } from "@infernode/models";
import { experts } from "../kernels/manifests/experts.ts";
import { type ExpertTiles, tileCount, tileSize } from "./products/expert-tiles.ts";
import { addressOf, countsOf, launchOf, perRow, rowGrid } from "./launch.ts";
import type { DeviceValue, KernelLaunch, Variant } from "./program.ts";

const floatBytes = 4;
const integerBytes = 4;

/** The experts of each token, and their weights. */
export function routeLaunch(
  { chosen, weights }: { readonly chosen: DeviceValue; readonly weights: DeviceValue },
  { logits, expertCount, expertsPerToken, areWeightsNormalized }: ExpertRouting<DeviceValue>,
): KernelLaunch {
  return launchOf(experts, "route_tokens", {
    grid: rowGrid(logits.rows),
    block: 32,
    dynamicSharedBytes: floatBytes * expertCount,
    operands: [
      addressOf(chosen),
      addressOf(weights),
      addressOf(logits),
      countsOf(logits),
      expertCount,
      expertsPerToken,
      areWeightsNormalized ? 1 : 0,
    ],
  });
}

/** Brings the rows of each expert together; nothing in passes whose tiles have one row. */
export function groupVariants(tiles: ExpertTiles): readonly Variant[] {
  const { chosen, experts: tileExperts, order, expertCount } = tiles;
  const launch = launchOf(experts, "group_rows", {
    grid: () => [expertCount, 1, 1],
    block: 256,
    dynamicSharedBytes: integerBytes * expertCount,
    operands: [
      addressOf(tileExperts),
      addressOf(order),
      addressOf(chosen),
      countsOf(chosen),
      chosen.rows.factor,
      expertCount,
      (shape) => Math.log2(tileSize(tiles, shape)),
      (shape) => tileCount(tiles, shape),
    ],
  });
  return [
    { fits: (shape) => tileSize(tiles, shape) === 1, launches: [] },
    { fits: () => true, launches: [launch] },
  ];
}

/** The weighted sum of what the experts of each token return. */
export function joinExpertsLaunch(out: DeviceValue, x: DeviceValue, weights: DeviceValue): KernelLaunch {
  const perToken = weights.rows.factor;
  const operands = [
    addressOf(out),
    addressOf(x),
    addressOf(weights),
    countsOf(out),
    perToken,
    out.width,
  ] as const;
  return launchOf(experts, "join_experts", { ...perRow(out), operands });
}
