import type { ExpertRouting } from "@infernode/models";
import { experts } from "../kernels/manifests/experts.ts";
import { addressOf, countsOf, launchOf, perRow, rowGrid } from "./launch.ts";
import type { DeviceValue, KernelLaunch } from "./program.ts";

const floatBytes = 4;

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
