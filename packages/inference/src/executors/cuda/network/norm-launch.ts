import type { NormStyle } from "@infernode/models";
import { norm } from "../kernels/manifests/norm.ts";
import { addressOf, countsOf, launchOf, rowGrid, rowThreads } from "./launch.ts";
import type { DeviceValue, KernelLaunch } from "./program.ts";
import type { VectorUse } from "./weight-uses.ts";

/** The weights of a norm of groups of `size` features. */
export interface DeviceNormWeights {
  readonly weight: VectorUse;
  readonly bias: VectorUse | undefined;
  readonly size: number;
  /** Whether each group has weights of its own. */
  readonly isOfGroups: boolean;
}

/** A norm of each group of features. */
export function normLaunch(
  [out, x]: readonly [DeviceValue, DeviceValue],
  { weight, bias, size, isOfGroups }: DeviceNormWeights,
  { kind, epsilon }: NormStyle,
): KernelLaunch {
  return launchOf(norm, kind === "rms" ? "rms_norm" : "layer_norm", {
    grid: rowGrid(x.rows, x.width / size),
    block: rowThreads(size),
    operands: [
      addressOf(out),
      addressOf(x),
      { kind: "vector", vector: weight },
      bias && { kind: "vector", vector: bias },
      countsOf(x),
      x.rows.factor,
      size,
      isOfGroups ? size : 0,
      epsilon,
    ],
  });
}
