import { formatBytes } from "@infernode/memory";
import type { GpuDetails, GpuInventory } from "@infernode/memory/cuda";

const maxShownProcesses = 5;

function describeProcesses({ processes }: GpuDetails): string {
  if (processes.length === 0) return "no processes";
  const shown = processes.slice(0, maxShownProcesses).map(({ pid, name, usedBytes }) => {
    const memory = usedBytes === undefined ? "memory unknown" : formatBytes(usedBytes);
    return `${name ?? "process"} (${pid}) ${memory}`;
  });
  if (processes.length > shown.length) shown.push(`${processes.length - shown.length} more`);
  return `in use by ${shown.join(", ")}`;
}

function describeLoad(gpu: GpuDetails): string {
  const { utilization, temperatureCelsius, powerWatts, powerLimitWatts } = gpu;
  const limit = powerLimitWatts === undefined ? "" : ` of ${powerLimitWatts.toFixed(0)} W`;
  const parts = [
    utilization === undefined ? undefined : `${(utilization * 100).toFixed(0)} % busy`,
    temperatureCelsius === undefined ? undefined : `${temperatureCelsius} °C`,
    powerWatts === undefined ? undefined : `${powerWatts.toFixed(0)} W${limit}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "load, temperature and power unknown" : parts.join(", ");
}

function describeState({ eccErrors, isMigEnabled, migInstances = [] }: GpuDetails): string {
  const ecc =
    eccErrors === undefined
      ? "no ECC counters"
      : `ECC errors ${eccErrors.corrected} corrected, ${eccErrors.uncorrected} uncorrected`;
  const mig =
    isMigEnabled === undefined
      ? "no MIG"
      : isMigEnabled
        ? `MIG on, ${migInstances.length} instances`
        : "MIG off";
  return `${ecc}; ${mig}`;
}

function describeGpu(gpu: GpuDetails): string {
  const { major, minor } = gpu.computeCapability;
  const free = `${formatBytes(gpu.freeBytes)} free of ${formatBytes(gpu.totalBytes)}`;
  return [
    `${gpu.name}, compute ${major}.${minor}, ${free}, ${formatBytes(gpu.usedBytes)} used`,
    `${gpu.uuid} at ${gpu.pciAddress}`,
    describeLoad(gpu),
    describeState(gpu),
    describeProcesses(gpu),
  ].join("\n");
}

/** Describes GPUs for people: one row for the driver and one for each GPU, or a single row if there is no driver. */
export function describeGpus({
  driver,
  reason,
  gpus,
  problems,
}: GpuInventory): readonly (readonly [name: string, value: string])[] {
  if (driver === undefined) return [["GPU", `none: ${reason ?? "no NVIDIA driver"}`]];
  const versions = `driver ${driver.version ?? "version unknown"}, CUDA up to ${driver.cudaVersion}`;
  return [
    ["NVIDIA", reason === undefined ? versions : `${versions}\nread without NVML: ${reason}`],
    ...gpus.map((gpu) => [`GPU ${gpu.index}`, describeGpu(gpu)] as const),
    ...problems.map(({ index, message }) => [`GPU ${index}`, `not responding: ${message}`] as const),
  ];
}
