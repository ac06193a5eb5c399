import { invalidArgument } from "../../assert-argument.ts";
import type { CudaDriver } from "../driver/cuda-driver.ts";
import { deviceAttribute } from "../driver/cuda-functions.ts";
import { decodeText, formatUuid } from "../driver/decode.ts";

/** The properties of a GPU that the driver reports without a context. */
export interface CudaDeviceDescription {
  /** `cuda:0`, … */
  readonly id: string;
  readonly kind: "cuda";
  /** CUDA's device index, within `CUDA_VISIBLE_DEVICES`. */
  readonly ordinal: number;
  readonly name: string;
  /** `GPU-…`, or `MIG-…` for a MIG instance, as in `nvidia-smi -L`. */
  readonly uuid: string;
  /** `0000:17:00.0` */
  readonly pciAddress: string;
  readonly totalBytes: number;
  readonly computeCapability: { readonly major: number; readonly minor: number };
  readonly multiprocessorCount: number;
  readonly attributes: CudaDeviceAttributes;
  readonly hasVirtualMemoryManagement: boolean;
  readonly hasMemoryPools: boolean;
}

/** Whether a device is of the driver that the tests have in place of NVIDIA's, over the memory of the host. */
export function isStandInDevice({ name }: Pick<CudaDeviceDescription, "name">): boolean {
  return name.startsWith("Stand-in GPU");
}

/** Limits and rates of a GPU, as the driver reports them. */
export interface CudaDeviceAttributes {
  /** Without opting in; `optInSharedBytesPerBlock` is what a kernel can have at most. */
  readonly sharedBytesPerBlock: number;
  readonly optInSharedBytesPerBlock: number;
  readonly sharedBytesPerMultiprocessor: number;
  readonly registersPerMultiprocessor: number;
  readonly maxThreadsPerMultiprocessor: number;
  readonly l2CacheBytes: number;
  readonly clockRateKhz: number;
  readonly memoryClockRateKhz: number;
  readonly memoryBusWidthBits: number;
}

function readText(driver: CudaDriver, call: string, write: (out: Uint8Array) => number): string {
  const out = new Uint8Array(256);
  driver.check(write(out), call);
  return decodeText(out);
}

/** For a MIG instance the first function returns the UUID of the GPU, the second that of the instance. */
function readUuid(driver: CudaDriver, handle: number): string {
  const gpu = new Uint8Array(16);
  driver.check(driver.functions.cuDeviceGetUuid(gpu, handle), "cuDeviceGetUuid");
  const own = Uint8Array.from(gpu);
  const { cuDeviceGetUuid_v2 } = driver.optional;
  if (cuDeviceGetUuid_v2 !== undefined) driver.check(cuDeviceGetUuid_v2(own, handle), "cuDeviceGetUuid_v2");
  return gpu.every((byte, index) => byte === own[index]) ? formatUuid("GPU", gpu) : formatUuid("MIG", own);
}

/**
 * Describes a GPU; `handle` is the driver's `CUdevice`.
 * @throws MemoryError `INVALID_ARGUMENT` for an ordinal that does not exist; CudaError `CUDA_ERROR`
 */
export function describeCudaDevice(
  driver: CudaDriver,
  ordinal: number,
): CudaDeviceDescription & { readonly handle: number } {
  if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal >= driver.deviceCount) {
    throw invalidArgument("ordinal", `an integer below the ${driver.deviceCount} visible devices`, ordinal);
  }
  const { functions, optional } = driver;
  const handle = driver.readInt32((out) => functions.cuDeviceGet(out, ordinal), "cuDeviceGet");
  const attribute = (id: number): number =>
    driver.readInt32((out) => functions.cuDeviceGetAttribute(out, id, handle), "cuDeviceGetAttribute");
  const totalBytes = driver.readUint64(
    (out) => functions.cuDeviceTotalMem_v2(out, handle),
    "cuDeviceTotalMem_v2",
  );
  return {
    handle,
    id: `cuda:${ordinal}`,
    kind: "cuda",
    ordinal,
    name: readText(driver, "cuDeviceGetName", (out) => functions.cuDeviceGetName(out, out.length, handle)),
    uuid: readUuid(driver, handle),
    pciAddress: readText(driver, "cuDeviceGetPCIBusId", (out) =>
      functions.cuDeviceGetPCIBusId(out, out.length, handle),
    ).toLowerCase(),
    totalBytes: Number(totalBytes),
    computeCapability: {
      major: attribute(deviceAttribute.computeCapabilityMajor),
      minor: attribute(deviceAttribute.computeCapabilityMinor),
    },
    multiprocessorCount: attribute(deviceAttribute.multiprocessorCount),
    attributes: {
      sharedBytesPerBlock: attribute(deviceAttribute.sharedBytesPerBlock),
      optInSharedBytesPerBlock: attribute(deviceAttribute.optInSharedBytesPerBlock),
      sharedBytesPerMultiprocessor: attribute(deviceAttribute.sharedBytesPerMultiprocessor),
      registersPerMultiprocessor: attribute(deviceAttribute.registersPerMultiprocessor),
      maxThreadsPerMultiprocessor: attribute(deviceAttribute.maxThreadsPerMultiprocessor),
      l2CacheBytes: attribute(deviceAttribute.l2CacheBytes),
      clockRateKhz: attribute(deviceAttribute.clockRateKhz),
      memoryClockRateKhz: attribute(deviceAttribute.memoryClockRateKhz),
      memoryBusWidthBits: attribute(deviceAttribute.memoryBusWidthBits),
    },
    hasVirtualMemoryManagement:
      attribute(deviceAttribute.virtualMemoryManagement) === 1 && optional.cuMemMap !== undefined,
    hasMemoryPools: attribute(deviceAttribute.memoryPools) === 1 && optional.cuMemAllocAsync !== undefined,
  };
}
