import type { FeatureSlice } from "@infernode/models";
import { rows as kernels } from "../kernels/manifests/rows.ts";
import { addressOf, countsOf, launchOf, perRow, rowGrid, sizeOf } from "./launch.ts";
import type { DeviceValue, KernelLaunch } from "./program.ts";

/** Some features of each row. */
export function sliceLaunch(
  out: DeviceValue,
  x: DeviceValue,
  { groupCount, start, size }: FeatureSlice,
): KernelLaunch {
  const groupWidth = x.width / groupCount;
  const operands = [
    addressOf(out),
    addressOf(x),
    countsOf(x),
    x.rows.factor,
    groupCount,
    groupWidth,
    start,
    size,
  ] as const;
  return launchOf(kernels, "slice_rows", { ...perRow(out), operands });
}

/** The rows of the tokens that logits are wanted for. */
export function gatherLaunch(out: DeviceValue, x: DeviceValue): KernelLaunch {
  const indices = { kind: "input", name: "logitTokens" } as const;
  const operands = [addressOf(out), addressOf(x), indices, ...sizeOf(out)] as const;
  return launchOf(kernels, "gather_rows", { ...perRow(out), operands });
}

/** Each row several times, one after the other. */
export function repeatLaunch(out: DeviceValue, x: DeviceValue): KernelLaunch {
  const operands = [addressOf(out), addressOf(x), ...sizeOf(out)] as const;
  return launchOf(kernels, "repeat_rows", { ...perRow(out), operands });
}

/** Blocks of `size` features times the Hadamard matrix of that size. */
export function rotateBlocksLaunch(out: DeviceValue, x: DeviceValue, size: number): KernelLaunch {
  return launchOf(kernels, "rotate_blocks", {
    grid: rowGrid(x.rows, x.width / size),
    block: size / 2,
    operands: [addressOf(out), addressOf(x), ...sizeOf(x), size],
  });
}
