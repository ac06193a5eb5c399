import type { Device } from "../device.ts";
import type { DeviceProbe } from "../devices/list-devices.ts";
import { messageOf } from "../errors.ts";
import { createCudaDevice } from "./device/cuda-device.ts";
import { describeCudaDevice } from "./device/cuda-device-description.ts";
import { type CudaDriver, type CudaDriverOptions, loadCudaDriver } from "./driver/cuda-driver.ts";

function createListedDevice(driver: CudaDriver, ordinal: number): Device {
  const { id, kind, name, totalBytes } = describeCudaDevice(driver, ordinal);
  return {
    id,
    kind,
    name,
    totalBytes,
    freeBytes() {
      using device = createCudaDevice({ driver, ordinal });
      return device.freeBytes();
    },
  };
}

/**
 * Creates the probe that adds CUDA devices to `listDevices`. `freeBytes()` of such a device opens it for a
 * moment, which costs the time and memory of a context unless the process has it open already.
 */
export function createCudaProbe(options: CudaDriverOptions = {}): DeviceProbe {
  return {
    name: "cuda",
    probe() {
      try {
        const driver = loadCudaDriver(options);
        const ordinals = Array.from({ length: driver.deviceCount }, (_, ordinal) => ordinal);
        return { devices: ordinals.map((ordinal) => createListedDevice(driver, ordinal)) };
      } catch (error) {
        return { devices: [], unavailableReason: messageOf(error) };
      }
    },
  };
}
