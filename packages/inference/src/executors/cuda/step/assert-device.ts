import type { CudaDevice } from "@infernode/memory/cuda";
import { InferenceError } from "../../../errors.ts";

/** Kernels are compiled for it; the driver compiles them further for later ones. */
const leastMajor = 8;

/** @throws InferenceError `EXECUTOR_UNAVAILABLE` for a GPU that the kernels do not run on */
export function assertDevice({
  name,
  computeCapability,
}: Pick<CudaDevice, "name" | "computeCapability">): void {
  const { major, minor } = computeCapability;
  if (major >= leastMajor) return;
  throw new InferenceError("EXECUTOR_UNAVAILABLE", {
    expected: `a GPU of compute capability ${leastMajor}.0 or later`,
    got: `${name} of ${major}.${minor}`,
  });
}
