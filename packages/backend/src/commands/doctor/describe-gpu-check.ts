import { formatBytes } from "@infernode/memory";
import type { GpuCheck } from "./check-gpu.ts";

const maxShownKernels = 5;

/** Kernels that do not compute the stored values, and why; empty where all do. */
export function describeDeviations({ kernels }: Pick<GpuCheck, "kernels">): string {
  const wrong = kernels.filter(({ isWithin }) => !isWithin);
  if (wrong.length === 0) return "";
  const shown = wrong
    .slice(0, maxShownKernels)
    .map(({ kernel, deviation, tolerance, problem }) =>
      problem === undefined
        ? `${kernel} (expected a deviation of ${tolerance} at most, got ${deviation.toPrecision(2)})`
        : `${kernel} (${problem})`,
    );
  const rest = wrong.length > shown.length ? `, and ${wrong.length - shown.length} more` : "";
  return `${wrong.length} of ${kernels.length} kernels do not compute the stored values: ${shown.join(", ")}${rest}`;
}

/** Describes the check for people, in two rows. */
export function describeGpuCheck(check: GpuCheck): readonly (readonly [name: string, value: string])[] {
  const { device, isStandIn, kernels, copies, problem } = check;
  const where = isStandIn ? `${device}, the processor in place of a GPU` : device;
  const deviations = describeDeviations(check);
  const all = `all ${kernels.length} compute the stored values on ${where}`;
  const lines = [kernels.length === 0 ? "not checked" : deviations === "" ? all : deviations];
  if (problem !== undefined) lines.push(problem);
  const speed =
    copies === undefined
      ? `speed not measured${isStandIn ? ": it is the host's memory" : ""}`
      : `${(copies.bytesPerSecond / 1e9).toFixed(0)} GB/s read and written by copies of ${formatBytes(copies.sizeBytes)}`;
  return [
    ["GPU kernels", lines.join("\n")],
    ["GPU memory", speed],
  ];
}
