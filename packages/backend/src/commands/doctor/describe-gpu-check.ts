import { formatBytes } from "@infernode/memory";
import { describeDeviations } from "../../models/gpu/kernel-verdict.ts";
import type { GpuProbe } from "./probe-gpu.ts";

/** Describes the check for people, in two rows. */
export function describeGpuCheck(check: GpuProbe): readonly (readonly [name: string, value: string])[] {
  const { device, isStandIn, kernels, copies, problem, notKept } = check;
  const where = isStandIn ? `${device}, the processor in place of a GPU` : device;
  const deviations = describeDeviations(check);
  const all = `all ${kernels.length} compute the stored values on ${where}`;
  const lines = [kernels.length === 0 ? "not checked" : deviations === "" ? all : deviations];
  if (problem !== undefined) lines.push(problem);
  lines.push(describeUse(kernels.length > 0 && deviations === "", notKept));
  const speed =
    copies === undefined
      ? `speed not measured${isStandIn ? ": it is the host's memory" : ""}`
      : `${(copies.bytesPerSecond / 1e9).toFixed(0)} GB/s read and written by copies of ${formatBytes(copies.sizeBytes)}`;
  return [
    ["GPU kernels", lines.join("\n")],
    ["GPU memory", speed],
  ];
}

/** What the next start does with the result. */
function describeUse(isGood: boolean, notKept: string | undefined): string {
  const use = isGood ? "auto takes this GPU" : "auto does not take this GPU";
  if (notKept !== undefined) {
    return `${use}, and checks it at each start: the result cannot be kept: ${notKept}`;
  }
  return isGood
    ? `${use}; the result is kept for the next start`
    : `${use}, and checks it again at the next start`;
}
