import {
  cuMemAccessFlagsProtReadwrite,
  cuMemAllocationTypePinned,
  cuMemLocationTypeDevice,
} from "../driver/cuda-functions.ts";

/**
 * Encodes `CUmemAllocationProp`, 32 bytes: pinned memory on one device, not shared.
 * @see https://docs.nvidia.com/cuda/cuda-driver-api/structCUmemAllocationProp__v1.html
 */
export function encodeProperties(ordinal: number): Int32Array {
  const properties = new Int32Array(8);
  properties[0] = cuMemAllocationTypePinned;
  properties[2] = cuMemLocationTypeDevice;
  properties[3] = ordinal;
  return properties;
}

/** Encodes `CUmemAccessDesc`, 12 bytes: read and write from one device. */
export function encodeAccess(ordinal: number): Int32Array {
  return Int32Array.of(cuMemLocationTypeDevice, ordinal, cuMemAccessFlagsProtReadwrite);
}
