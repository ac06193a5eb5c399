import type { Device } from "@infernode/memory";
import {
  createCudaDevice,
  type CudaDeviceDescription,
  type CudaDriver,
  describeCudaDevices,
  loadCudaDriver,
} from "@infernode/memory/cuda";

/** A GPU that the CUDA executor can use. `freeBytes` opens it for a moment. */
export interface Gpu extends Device {
  readonly kind: "cuda";
  readonly driver: CudaDriver;
  readonly description: CudaDeviceDescription;
}

/** A GPU, or why none can be used. */
export type GpuSearch = { readonly gpu: Gpu } | { readonly problem: string };

/** Finds the GPU with a number or UUID, and says what is missing where the CUDA executor cannot use it. */
export async function findGpu(
  name: string,
  loadDriver: () => CudaDriver = loadCudaDriver,
): Promise<GpuSearch> {
  let driver: CudaDriver;
  let devices: readonly CudaDeviceDescription[];
  try {
    driver = loadDriver();
    devices = describeCudaDevices(driver);
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  const description = selectDevice(devices, name);
  if (description === undefined) {
    const visible = devices.map(({ ordinal, uuid }) => `${ordinal} (${uuid})`).join(", ");
    return { problem: `expected a device among ${visible}, got ${name}` };
  }
  const { deviceProblem } = await import("@infernode/inference/cuda");
  const problem = deviceProblem(description, driver);
  return problem === undefined ? { gpu: asGpu(driver, description) } : { problem };
}

/** The device with a number or UUID; of several UUIDs that begin so, none. */
function selectDevice(
  devices: readonly CudaDeviceDescription[],
  name: string,
): CudaDeviceDescription | undefined {
  if (/^\d+$/.test(name)) return devices[Number(name)];
  const fitting = devices.filter(({ uuid }) => uuid.startsWith(name));
  return fitting.length === 1 ? fitting[0] : undefined;
}

function asGpu(driver: CudaDriver, description: CudaDeviceDescription): Gpu {
  const { id, name, totalBytes, ordinal } = description;
  return {
    id,
    kind: "cuda",
    name,
    totalBytes,
    driver,
    description,
    freeBytes: () => {
      using device = createCudaDevice({ driver, ordinal });
      return device.freeBytes();
    },
  };
}
