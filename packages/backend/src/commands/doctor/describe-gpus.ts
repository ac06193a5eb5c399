import { formatBytes, type MigInstance } from "@infernode/memory";
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

function describeMig({ uuid, isMigEnabled, migInstances = [] }: GpuDetails): string {
  if (isMigEnabled === true) {
    const count = migInstances.length;
    if (count === 0) return "MIG on, and no instance: CUDA shows nothing of it until one is made";
    return `MIG on, ${count} ${count === 1 ? "instance" : "instances"}`;
  }
  if (uuid.startsWith("MIG-")) return "an instance of a GPU in MIG mode";
  return isMigEnabled === undefined ? "no MIG" : "MIG off";
}

/** Whether CUDA shows a GPU or an instance to this program, where it is known what it shows. */
function describeVisibility(uuid: string, visible: readonly string[] | undefined): string {
  if (visible === undefined) return "";
  if (visible.includes(uuid)) return "shown by CUDA";
  return `hidden; shown by CUDA with CUDA_VISIBLE_DEVICES=${uuid}`;
}

function describeInstance(
  { uuid, totalBytes, freeBytes, gpuInstanceId, computeInstanceId }: MigInstance,
  visible: readonly string[] | undefined,
): string {
  const ids = `GPU instance ${gpuInstanceId}, compute instance ${computeInstanceId}`;
  const free = `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`;
  return [uuid, ids, free, describeVisibility(uuid, visible)].filter(Boolean).join(", ");
}

function describeState({ eccErrors, ...gpu }: GpuDetails): string {
  const ecc =
    eccErrors === undefined
      ? "no ECC counters"
      : `ECC errors ${eccErrors.corrected} corrected, ${eccErrors.uncorrected} uncorrected`;
  return `${ecc}; ${describeMig({ eccErrors, ...gpu })}`;
}

function describeGpu(gpu: GpuDetails, visible: readonly string[] | undefined): string {
  const { major, minor } = gpu.computeCapability;
  const free = `${formatBytes(gpu.freeBytes)} free of ${formatBytes(gpu.totalBytes)}`;
  const { isMigEnabled, migInstances = [] } = gpu;
  const isHidden = isMigEnabled !== true && visible?.includes(gpu.uuid) === false;
  return [
    `${gpu.name}, compute ${major}.${minor}, ${free}, ${formatBytes(gpu.usedBytes)} used`,
    `${gpu.uuid} at ${gpu.pciAddress}${isHidden ? `, ${describeVisibility(gpu.uuid, visible)}` : ""}`,
    describeLoad(gpu),
    describeState(gpu),
    ...migInstances.map((instance) => describeInstance(instance, visible)),
    describeProcesses(gpu),
  ].join("\n");
}

/**
 * Describes GPUs for people: one row for the driver and one for each GPU, or a single row if there is no driver. `visible`
 * has the UUIDs of those that CUDA shows this program, if that is known.
 */
export function describeGpus(
  { driver, reason, gpus, problems }: GpuInventory,
  visible?: readonly string[],
): readonly (readonly [name: string, value: string])[] {
  if (driver === undefined) return [["GPU", `none: ${reason ?? "no NVIDIA driver"}`]];
  const versions = `driver ${driver.version ?? "version unknown"}, CUDA up to ${driver.cudaVersion}`;
  return [
    ["NVIDIA", reason === undefined ? versions : `${versions}\nread without NVML: ${reason}`],
    ...gpus.map((gpu) => [`GPU ${gpu.index}`, describeGpu(gpu, visible)] as const),
    ...problems.map(({ index, message }) => [`GPU ${index}`, `not responding: ${message}`] as const),
  ];
}
