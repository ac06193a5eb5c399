import { type CudaDeviceDescription, describeCudaDevice } from "./cuda-device-description.ts";
import type { CudaDriver } from "../driver/cuda-driver.ts";

/**
 * Describes the GPUs that the driver shows this process, without opening any.
 * @throws CudaError `CUDA_ERROR`
 */
export function describeCudaDevices(driver: CudaDriver): readonly CudaDeviceDescription[] {
  return Array.from({ length: driver.deviceCount }, (_, ordinal) => {
    const { handle: _handle, ...description } = describeCudaDevice(driver, ordinal);
    return description;
  });
}
