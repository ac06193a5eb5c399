import { assertInteger, invalidArgument } from "../assert-argument.ts";
import { checkMemoryBalance, type MemoryBalance } from "./check-memory-balance.ts";
import { MemoryError } from "../errors.ts";
import { formatBytes } from "../format-bytes.ts";
import type { LocalGpu } from "./gpu.ts";
import { instancesOf, resolveVisibleGpus, type VisibleGpus } from "./visible-gpus.ts";

/**
 * The order of the GPUs that have enough free memory:
 * `most-free`, by free memory; `least-utilized`, by utilization, then by free memory; `packed`, the fullest
 * first, so that whole GPUs stay free; `spread`, the smallest share in use first.
 */
export type GpuPolicy = "most-free" | "least-utilized" | "packed" | "spread";

export interface SelectGpusOptions {
  readonly count: number;
  /** Free bytes that each of them needs. */
  readonly requiredBytes: number;
  /** [`most-free`] */
  readonly policy?: GpuPolicy | undefined;
  readonly devices: readonly LocalGpu[];
  /** Only `CUDA_VISIBLE_DEVICES` is read. [every device can be chosen] */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Of the NVIDIA driver, such as `580.65.06`: one before R570 shows a process one MIG instance. [of R570 or later] */
  readonly driverVersion?: string | undefined;
  /** Passed to `checkMemoryBalance`. [0.8] */
  readonly balanceThreshold?: number | undefined;
}

export interface GpuSelection {
  /** In order of preference. */
  readonly gpus: readonly LocalGpu[];
  /** The value of `CUDA_VISIBLE_DEVICES` for a process that uses them. */
  readonly visibleDevices: string;
  readonly balance: MemoryBalance;
}

type Order = (a: LocalGpu, b: LocalGpu) => number;

/** Assumed where a GPU does not report its utilization. */
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
 * What can be chosen of. Without a list, one GPU may also be any MIG instance; several are whole GPUs, or where there are
 * none, instances that a process can have together: a list of UUIDs is of one kind.
 */
function selectableOf({ count, devices, env, driverVersion }: SelectGpusOptions): VisibleGpus {
  const list = env?.["CUDA_VISIBLE_DEVICES"];
  if (list !== undefined) return resolveVisibleGpus(devices, list, driverVersion);
  const whole = devices.filter((gpu) => gpu.isMigEnabled !== true);
  if (count === 1) {
    const instances = devices.filter((gpu) => gpu.isMigEnabled === true).flatMap(instancesOf);
    return { gpus: [...whole, ...instances], ignoredEntries: [] };
  }
  const gpus = whole.length > 0 ? whole : resolveVisibleGpus(devices, undefined, driverVersion).gpus;
  return { gpus, ignoredEntries: [] };
}

/**
 * Selects GPUs for a model; ties are broken by index. An instance of a GPU in MIG mode is selected like a GPU.
 * @throws MemoryError `NOT_ENOUGH_DEVICES` with the free memory of each visible GPU, `INVALID_ARGUMENT`
 */
export function selectGpus(options: SelectGpusOptions): GpuSelection {
  const { count, requiredBytes, policy = "most-free", devices } = options;
  assertInteger("count", count);
  if (!(requiredBytes >= 0)) throw invalidArgument("requiredBytes", "0 or more", requiredBytes);
  if (!Object.hasOwn(gpuOrders, policy)) {
    throw invalidArgument("policy", `one of ${Object.keys(gpuOrders).join(", ")}`, policy);
  }
  const { gpus: visible, ignoredEntries } = selectableOf(options);
  const fitting = visible.filter((gpu) => gpu.freeBytes >= requiredBytes);
  if (fitting.length < count) {
    const each = visible.map((gpu) => `${gpu.uuid} (${gpu.name}) ${formatBytes(gpu.freeBytes)}`).join(", ");
    throw new MemoryError(
      "NOT_ENOUGH_DEVICES",
      `expected ${count} GPU${count === 1 ? "" : "s"} with ${formatBytes(requiredBytes)} free each, got ${fitting.length} ` +
        `of ${visible.length} visible and ${devices.length} present${each === "" ? "" : `; free: ${each}`}` +
        (ignoredEntries.length === 0
          ? ""
          : `; entries of CUDA_VISIBLE_DEVICES without effect: "${ignoredEntries.join(",")}"`),
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
