import type { Device } from "@infernode/memory";
import {
  createCudaDevice,
  type CudaDeviceDescription,
  type CudaDriver,
  describeCudaDevices,
  loadCudaDriver,
  readDriverVersion,
} from "@infernode/memory/cuda";

/** A GPU that the CUDA executor can use. `freeBytes` opens it for a moment. */
export interface Gpu extends Device {
  readonly kind: "cuda";
  readonly driver: CudaDriver;
  readonly description: CudaDeviceDescription;
}

/** A GPU, or why none can be used. */
export type GpuSearch = { readonly gpu: Gpu } | { readonly problem: string };

/** What a search uses. Defaults in brackets. */
export interface FindGpuOptions {
  /** [the machine's] */
  readonly loadDriver?: () => CudaDriver;
  /** [of NVML, or of the kernel's module] */
  readonly readVersion?: () => Promise<string | undefined>;
}

/** Finds the GPU with a number or UUID, and says what is missing where the CUDA executor cannot use it. Never rejects. */
export async function findGpu(name: string, options: FindGpuOptions = {}): Promise<GpuSearch> {
  const { loadDriver = loadCudaDriver, readVersion = readDriverVersion } = options;
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
    return {
      problem: `expected ${describeVisible(devices)}, got ${name}${describeInstances(devices, name)}`,
    };
  }
  const { deviceProblem } = await import("@infernode/inference/cuda");
  if (deviceProblem(description, driver) === undefined) return { gpu: asGpu(driver, description) };
  const { cudaVersion } = driver;
  return { problem: deviceProblem(description, { cudaVersion, version: await readVersion() }) ?? "" };
}

/** The GPUs that the driver shows this process. */
function tryDescribe(loadDriver: () => CudaDriver): readonly CudaDeviceDescription[] | undefined {
  try {
    return describeCudaDevices(loadDriver());
  } catch {
    // What is wrong with the driver is said where a GPU is looked for.
    return undefined;
  }
}

/** The UUIDs of the GPUs that the driver shows this process; `undefined` where it shows none. */
export function readVisibleGpus(
  loadDriver: () => CudaDriver = loadCudaDriver,
): readonly string[] | undefined {
  return tryDescribe(loadDriver)?.map(({ uuid }) => uuid);
}

/** The UUIDs of GPUs by other names of them; without those that the driver does not know. */
export function uuidsOf(
  names: Iterable<string>,
  loadDriver: () => CudaDriver = loadCudaDriver,
): ReadonlyMap<string, string> {
  const devices = tryDescribe(loadDriver) ?? [];
  const found = Array.from(names, (name) => [name, selectDevice(devices, name)?.uuid] as const);
  return new Map(found.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

function describeVisible(devices: readonly CudaDeviceDescription[]): string {
  if (devices.length === 0) return "a device that the driver shows, and it shows none";
  return `a device among ${devices.map(({ ordinal, uuid }) => `${ordinal} (${uuid})`).join(", ")}`;
}

/** Why a MIG instance, or what is beside one, is not shown. */
function describeInstances(devices: readonly CudaDeviceDescription[], name: string): string {
  const isAsked = [name, ...devices.map(({ uuid }) => uuid)].some((each) => each.startsWith("MIG-"));
  if (!isAsked) return "";
  return "; CUDA shows the MIG instances that CUDA_VISIBLE_DEVICES names, or else the first of each GPU instance; with a driver before R570 only one, and no GPU beside it";
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
