import { messageOf } from "../errors.ts";
import { createCudaDevice } from "./device/cuda-device.ts";
import { type CudaDriver, type CudaDriverOptions, loadCudaDriver } from "./driver/cuda-driver.ts";
import type { GpuDetails, GpuProblem, GpuInventory } from "./nvml/gpu-inventory.ts";

function describeGpu(driver: CudaDriver, ordinal: number): GpuDetails {
  using device = createCudaDevice({ driver, ordinal });
  const { name, uuid, pciAddress, computeCapability, totalBytes } = device;
  const freeBytes = device.freeBytes();
  return {
    index: ordinal,
    name,
    uuid,
    pciAddress,
    computeCapability,
    totalBytes,
    freeBytes,
    usedBytes: totalBytes - freeBytes,
    utilization: undefined,
    memoryUtilization: undefined,
    temperatureCelsius: undefined,
    powerWatts: undefined,
    powerLimitWatts: undefined,
    eccErrors: undefined,
    isMigEnabled: undefined,
    migInstances: [],
    processes: [],
  };
}

/**
 * Reads GPUs through the driver, for machines without NVML. It opens each device for a moment, which costs the
 * time and memory of a context, and finds only the devices in `CUDA_VISIBLE_DEVICES`.
 * @throws MemoryError `CUDA_UNAVAILABLE`; CudaError `CUDA_ERROR` when the driver fails to initialize
 */
export function readDriverGpus(options: CudaDriverOptions): Omit<GpuInventory, "reason"> {
  const driver = loadCudaDriver(options);
  const gpus: GpuDetails[] = [];
  const problems: GpuProblem[] = [];
  for (let ordinal = 0; ordinal < driver.deviceCount; ordinal += 1) {
    try {
      gpus.push(describeGpu(driver, ordinal));
    } catch (error) {
      problems.push({ index: ordinal, message: messageOf(error) });
    }
  }
  return {
    driver: { version: undefined, cudaVersion: driver.cudaVersion, source: "cuda" },
    gpus,
    problems,
  };
}
