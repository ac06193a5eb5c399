import { invalidArgument } from "../assert-argument.ts";
import { formatBytes } from "../format-bytes.ts";
import type { LocalGpu } from "./gpu.ts";

/** Whether the devices of one model have about the same free memory. */
export interface MemoryBalance {
  readonly valid: boolean;
  /** Smallest ÷ largest free memory, in [0, 1]; 1 for fewer than two devices. */
  readonly ratio: number;
  readonly message: string;
}

const defaultBalanceThreshold = 0.8;

/**
 * Compares the smallest with the largest free memory: a model that is split evenly can use no more of each
 * device than the smallest has. `threshold` is the least ratio that is balanced, in [0, 1].
 * @throws MemoryError `INVALID_ARGUMENT` for a threshold outside [0, 1]
 */
export function checkMemoryBalance(
  devices: readonly Pick<LocalGpu, "uuid" | "freeBytes">[],
  threshold: number = defaultBalanceThreshold,
): MemoryBalance {
  if (!(threshold >= 0 && threshold <= 1)) {
    throw invalidArgument("threshold", "a number in [0, 1]", threshold);
  }
  const sorted = devices.toSorted((a, b) => a.freeBytes - b.freeBytes);
  const smallest = sorted[0];
  const largest = sorted.at(-1);
  if (smallest === undefined || largest === undefined || sorted.length === 1) {
    return {
      valid: true,
      ratio: 1,
      message: `${sorted.length} device${sorted.length === 1 ? "" : "s"}: nothing to balance`,
    };
  }
  const ratio = largest.freeBytes === 0 ? 1 : smallest.freeBytes / largest.freeBytes;
  const valid = ratio >= threshold;
  const message =
    `${smallest.uuid} has ${formatBytes(smallest.freeBytes)} free, ${largest.uuid} ${formatBytes(largest.freeBytes)}: ` +
    `a ratio of ${ratio.toFixed(2)}, ${valid ? "at least" : "below"} ${threshold}`;
  return { valid, ratio, message };
}
