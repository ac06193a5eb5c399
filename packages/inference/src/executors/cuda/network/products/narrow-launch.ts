import { narrow } from "../../kernels/manifests/narrow.ts";
import { addressOf, launchOf, sizeOf } from "../launch.ts";
import type { NarrowType } from "../network-operation.ts";
import { type DeviceValue, type KernelLaunch, rowCount } from "../program.ts";

const threads = 256;

/** Writes a value in 16 bits. */
export function narrowLaunch(out: DeviceValue, x: DeviceValue, type: NarrowType): KernelLaunch {
  return launchOf(narrow, `narrow_${type}`, {
    grid: (shape) => [Math.ceil(x.width / threads), rowCount(x.rows, shape), 1],
    block: threads,
    operands: [addressOf(out), addressOf(x), ...sizeOf(x)],
  });
}
