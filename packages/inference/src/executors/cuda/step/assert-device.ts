import type { CudaDevice, CudaMemoryPool } from "@infernode/memory/cuda";
import { InferenceError } from "../../../errors.ts";
import { invalidOption, missingMembers } from "../../assert-options.ts";

/** Kernels are compiled for it; the driver compiles them further for later ones. */
const leastMajor = 8;
/** What drivers of R525 and later support; the kernels are tested with nothing older. */
const leastCudaMajor = 12;

/** What the requirements are about. */
export type DeviceTraits = Pick<CudaDevice, "name" | "computeCapability">;

/** Of a driver; its own version where it is known. */
export type DriverTraits = Pick<CudaDevice["driver"], "cudaVersion"> & {
  readonly version?: string | undefined;
};

/** What the kernels miss in a GPU or its driver, as the end of a sentence; `undefined` if they run. */
export function deviceProblem(
  { name, computeCapability }: DeviceTraits,
  { cudaVersion, version }: DriverTraits,
): string | undefined {
  const { major, minor } = computeCapability;
  if (Number.parseInt(cudaVersion, 10) < leastCudaMajor) {
    const got = `${version ?? "one"}, for CUDA up to ${cudaVersion}`;
    return `expected an NVIDIA driver of R525 or later, for CUDA ${leastCudaMajor}.0, got ${got}`;
  }
  if (major >= leastMajor) return undefined;
  return `expected a GPU of compute capability ${leastMajor}.0 or later, got ${name} of ${major}.${minor}`;
}

/** @throws InferenceError `EXECUTOR_UNAVAILABLE` for a GPU or a driver that the kernels do not run on */
export function assertDevice(device: DeviceTraits & Pick<CudaDevice, "driver">): void {
  const problem = deviceProblem(device, device.driver);
  if (problem !== undefined) throw new InferenceError("EXECUTOR_UNAVAILABLE", problem);
}

/** A pool of host memory has no device that runs anything. @throws InferenceError `INVALID_EXECUTOR_OPTIONS` */
export function assertCudaPool(pool: CudaMemoryPool | undefined): void {
  const isPool =
    missingMembers(pool, { allocate: "function", device: "object" }).length === 0 &&
    missingMembers(pool?.device, { createStream: "function", driver: "object" }).length === 0;
  if (!isPool) throw invalidOption("pool", "a pool of createCudaMemoryPool", pool);
}
