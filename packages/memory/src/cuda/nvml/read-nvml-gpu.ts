import { decodeText } from "../driver/decode.ts";
import type { GpuDetails, GpuProcess } from "./gpu-inventory.ts";
import type { Nvml } from "./nvml.ts";
import {
  nvmlDeviceMigEnable,
  nvmlLayouts,
  nvmlMemoryErrorTypeCorrected,
  nvmlMemoryErrorTypeUncorrected,
  nvmlTemperatureGpu,
  nvmlVolatileEcc,
} from "./nvml-functions.ts";
import { readNvmlMemory, readNvmlText } from "./nvml-values.ts";
import { readMigInstances } from "./read-mig-instances.ts";

const { nvmlPciInfo_t: pciInfo, nvmlProcessInfo_t: processInfo } = nvmlLayouts;
/** NVML_VALUE_NOT_AVAILABLE for the bytes of a process. */
const valueNotAvailable = 0xffff_ffff_ffff_ffffn;

/** NVML formats the domain with 8 digits, the driver with 4. */
async function readPciAddress(nvml: Nvml, device: bigint): Promise<string> {
  const out = new Uint8Array(pciInfo.sizeBytes);
  await nvml.call("nvmlDeviceGetPciInfo_v3", device, out);
  return decodeText(out.subarray(pciInfo.busId))
    .toLowerCase()
    .replace(/^0000(?=[0-9a-f]{4}:)/, "");
}

async function readComputeCapability(nvml: Nvml, device: bigint): Promise<GpuDetails["computeCapability"]> {
  const major = new Int32Array(1);
  const minor = new Int32Array(1);
  await nvml.call("nvmlDeviceGetCudaComputeCapability", device, major, minor);
  return { major: major[0] ?? 0, minor: minor[0] ?? 0 };
}

async function readUtilization(
  nvml: Nvml,
  device: bigint,
): Promise<Pick<GpuDetails, "utilization" | "memoryUtilization">> {
  const out = new Uint32Array(2);
  const isAvailable = await nvml.query("nvmlDeviceGetUtilizationRates", device, out);
  const [gpu = 0, memory = 0] = out;
  return isAvailable
    ? { utilization: gpu / 100, memoryUtilization: memory / 100 }
    : { utilization: undefined, memoryUtilization: undefined };
}

async function readTemperature(nvml: Nvml, device: bigint): Promise<number | undefined> {
  const out = new Uint32Array(1);
  const isAvailable = await nvml.query("nvmlDeviceGetTemperature", device, nvmlTemperatureGpu, out);
  return isAvailable ? out[0] : undefined;
}

async function readWatts(
  nvml: Nvml,
  device: bigint,
  name: "nvmlDeviceGetPowerUsage" | "nvmlDeviceGetEnforcedPowerLimit",
): Promise<number | undefined> {
  const milliwatts = new Uint32Array(1);
  const isAvailable = await nvml.query(name, device, milliwatts);
  return isAvailable ? (milliwatts[0] ?? 0) / 1000 : undefined;
}

async function readEccErrors(nvml: Nvml, device: bigint): Promise<GpuDetails["eccErrors"]> {
  const out = new BigUint64Array(1);
  const count = async (kind: number): Promise<number | undefined> => {
    const isAvailable = await nvml.query("nvmlDeviceGetTotalEccErrors", device, kind, nvmlVolatileEcc, out);
    return isAvailable ? Number(out[0]) : undefined;
  };
  const corrected = await count(nvmlMemoryErrorTypeCorrected);
  const uncorrected = await count(nvmlMemoryErrorTypeUncorrected);
  return corrected === undefined || uncorrected === undefined ? undefined : { corrected, uncorrected };
}

async function readMigMode(nvml: Nvml, device: bigint): Promise<boolean | undefined> {
  const current = new Uint32Array(1);
  const pending = new Uint32Array(1);
  const isAvailable = await nvml.query("nvmlDeviceGetMigMode", device, current, pending);
  return isAvailable ? current[0] === nvmlDeviceMigEnable : undefined;
}

/** A process may be of another container, or end meanwhile: a failure says nothing of the GPU. */
async function readProcessName(nvml: Nvml, pid: number): Promise<string | undefined> {
  const out = new Uint8Array(256);
  const isAvailable = await nvml.query("nvmlSystemGetProcessName", pid, out, out.length).catch(() => false);
  const name = decodeText(out);
  return isAvailable && name !== "" ? name : undefined;
}

/** Processes with a compute or a graphics context, each once. */
async function readProcesses(nvml: Nvml, device: bigint): Promise<readonly GpuProcess[]> {
  const names = [
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetGraphicsRunningProcesses_v3",
  ] as const;
  const byPid = new Map<number, GpuProcess>();
  for (const name of names) {
    for (const entry of await nvml.readList({ name, entryBytes: processInfo.sizeBytes, device })) {
      const pid = entry.getUint32(processInfo.pid, true);
      const bytes = entry.getBigUint64(processInfo.usedGpuMemory, true);
      if (byPid.has(pid)) continue;
      const usedBytes = bytes === valueNotAvailable ? undefined : Number(bytes);
      byPid.set(pid, { pid, usedBytes, name: await readProcessName(nvml, pid) });
    }
  }
  return [...byPid.values()].sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0));
}

/** Reads all details of one GPU. @throws CudaError `NVML_ERROR` */
export async function readNvmlGpu(nvml: Nvml, index: number): Promise<GpuDetails> {
  const handle = new BigUint64Array(1);
  await nvml.call("nvmlDeviceGetHandleByIndex_v2", index, handle);
  const device = handle[0] ?? 0n;
  const isMigEnabled = await readMigMode(nvml, device);
  const migInstances = isMigEnabled === true ? await readMigInstances(nvml, device) : [];
  return {
    index,
    name: await readNvmlText(nvml, device, "nvmlDeviceGetName"),
    uuid: await readNvmlText(nvml, device, "nvmlDeviceGetUUID"),
    pciAddress: await readPciAddress(nvml, device),
    computeCapability: await readComputeCapability(nvml, device),
    ...(await readNvmlMemory(nvml, device, isMigEnabled === true ? migInstances : undefined)),
    ...(await readUtilization(nvml, device)),
    temperatureCelsius: await readTemperature(nvml, device),
    powerWatts: await readWatts(nvml, device, "nvmlDeviceGetPowerUsage"),
    powerLimitWatts: await readWatts(nvml, device, "nvmlDeviceGetEnforcedPowerLimit"),
    eccErrors: await readEccErrors(nvml, device),
    isMigEnabled,
    migInstances,
    processes: await readProcesses(nvml, device),
  };
}
