import { MemoryError } from "../errors.ts";
import { formatBytes } from "../format-bytes.ts";

/** Whether devices that will share one model have about as much room each. */
export interface MemoryBalance {
  readonly valid: boolean;
  /** Smallest over largest free memory, in [0, 1]; 1 for fewer than two devices. */
  readonly ratio: number;
  readonly message: string;
}

/** The least ratio that passes where none is given. */
const defaultBalanceThreshold = 0.8;

interface DeviceFreeMemory {
  readonly uuid: string;
  readonly freeBytes: number;
}

/**
 * Compares the smallest with the largest free memory: a model that is split evenly gets no more of any
 * device than of the smallest.
 * @throws MemoryError `INVALID_ARGUMENT` for a threshold outside [0, 1]
 */
export function checkMemoryBalance(
  devices: readonly DeviceFreeMemory[],
  threshold: number = defaultBalanceThreshold,
): MemoryBalance {
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new MemoryError("INVALID_ARGUMENT", `threshold must be in [0, 1], found ${threshold}`);
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
