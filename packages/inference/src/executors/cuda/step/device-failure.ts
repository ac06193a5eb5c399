import type { CudaError } from "@infernode/memory/cuda";
import { InferenceError, reasonOf } from "../../../errors.ts";

/**
 * What a failure of the driver in a step is to the engine: `DEVICE_LOST`, after which every step would fail, or
 * `EXECUTOR_FAILED`.
 */
export function toDeviceFailure(cause: CudaError): InferenceError {
  const reason = reasonOf(cause);
  if (cause.isSticky) return new InferenceError("DEVICE_LOST", `the device was lost: ${reason}`, { cause });
  // Everything was allocated at the start: a driver without memory for a launch does not get it later either.
  if (cause.isOutOfMemory) {
    return new InferenceError("DEVICE_LOST", `the device is out of memory: ${reason}`, { cause });
  }
  return new InferenceError("EXECUTOR_FAILED", `the device failed: ${reason}`, { cause });
}
