import { checkMemoryBalance, type MemoryBalance } from "./check-memory-balance.ts";
import { MemoryError } from "../errors.ts";
import { formatBytes } from "../format-bytes.ts";
import type { LocalGpu } from "./gpu.ts";
import { resolveVisibleGpus } from "./visible-gpus.ts";

/**
 * Which GPUs go first among those with room:
 * `most-free` by free memory; `least-utilized` by load, then by free memory; `packed` the fullest that still
 * hold the model, so that whole GPUs stay free; `spread` the ones of which the least share is taken.
 */
export type GpuPolicy = "most-free" | "least-utilized" | "packed" | "spread";

export interface SelectGpusOptions {
  readonly count: number;
  /** Free bytes that each of them must have. */
  readonly requiredBytes: number;
  /** Default: `most-free`. */
  readonly policy?: GpuPolicy | undefined;
  readonly devices: readonly LocalGpu[];
  /** Only `CUDA_VISIBLE_DEVICES` is read. Default: every device is visible. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Passed to `checkMemoryBalance`. */
  readonly balanceThreshold?: number | undefined;
}

export interface GpuSelection {
  /** The first choice first. */
  readonly gpus: readonly LocalGpu[];
  /** For `CUDA_VISIBLE_DEVICES` of a process that is to use them. */
  readonly visibleDevices: string;
  readonly balance: MemoryBalance;
}

type Order = (a: LocalGpu, b: LocalGpu) => number;

/** Nobody's word on the load of a GPU is taken as half. */
const unknownUtilization = 0.5;

const byFree: Order = (a, b) => b.freeBytes - a.freeBytes;
const byUtilization: Order = (a, b) =>
  (a.utilization ?? unknownUtilization) - (b.utilization ?? unknownUtilization);
const byFreeShare: Order = (a, b) => b.freeBytes / b.totalBytes - a.freeBytes / a.totalBytes;

const gpuOrders: Readonly<Record<GpuPolicy, readonly Order[]>> = {
  "most-free": [byFree],
  "least-utilized": [byUtilization, byFree],
  packed: [(a, b) => byFree(b, a)],
  spread: [byFreeShare, byUtilization],
};

/**
 * Chooses GPUs for a model; equals go by index.
 * @throws MemoryError `NOT_ENOUGH_DEVICES` with what each visible GPU has, `INVALID_ARGUMENT`
 */
export function selectGpus(options: SelectGpusOptions): GpuSelection {
  const { count, requiredBytes, policy = "most-free", devices } = options;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new MemoryError("INVALID_ARGUMENT", `count must be an integer of 1 or more, found ${count}`);
  }
  if (!(requiredBytes >= 0)) {
    throw new MemoryError("INVALID_ARGUMENT", `requiredBytes must be 0 or more, found ${requiredBytes}`);
  }
  if (!Object.hasOwn(gpuOrders, policy)) {
    throw new MemoryError(
      "INVALID_ARGUMENT",
      `policy must be one of ${Object.keys(gpuOrders).join(", ")}, found "${policy}"`,
    );
  }
  const { gpus: visible, ignoredEntries } = resolveVisibleGpus(
    devices,
    options.env?.["CUDA_VISIBLE_DEVICES"],
  );
  const fitting = visible.filter((gpu) => gpu.freeBytes >= requiredBytes);
  if (fitting.length < count) {
    const each = visible.map((gpu) => `${gpu.uuid} (${gpu.name}) ${formatBytes(gpu.freeBytes)}`).join(", ");
    throw new MemoryError(
      "NOT_ENOUGH_DEVICES",
      `wanted ${count} GPU${count === 1 ? "" : "s"} with ${formatBytes(requiredBytes)} free each, found ${fitting.length} ` +
        `of ${visible.length} visible and ${devices.length} present${each === "" ? "" : `; free: ${each}`}` +
        (ignoredEntries.length === 0
          ? ""
          : `; CUDA_VISIBLE_DEVICES ends before "${ignoredEntries.join(",")}"`),
    );
  }
  const orders = [...gpuOrders[policy], (a: LocalGpu, b: LocalGpu) => a.index - b.index];
  const gpus = fitting
    .toSorted((a, b) => orders.map((order) => order(a, b)).find((difference) => difference !== 0) ?? 0)
    .slice(0, count);
  return {
    gpus,
    visibleDevices: gpus.map((gpu) => gpu.uuid).join(","),
    balance: checkMemoryBalance(gpus, options.balanceThreshold),
  };
}
