/**
 * The required driver functions with their C types, by the names that the library exports.
 * @see https://docs.nvidia.com/cuda/cuda-driver-api/
 */
export const cudaFunctions = {
  cuInit: ["uint32"],
  cuDriverGetVersion: ["pointer"],
  cuGetErrorName: ["int32", "pointer"],
  cuGetErrorString: ["int32", "pointer"],
  cuDeviceGetCount: ["pointer"],
  cuDeviceGet: ["pointer", "int32"],
  cuDeviceGetName: ["pointer", "int32", "int32"],
  cuDeviceGetUuid: ["pointer", "int32"],
  cuDeviceTotalMem_v2: ["pointer", "int32"],
  cuDeviceGetAttribute: ["pointer", "int32", "int32"],
  cuDeviceGetPCIBusId: ["pointer", "int32", "int32"],
  cuDevicePrimaryCtxRetain: ["pointer", "int32"],
  cuDevicePrimaryCtxRelease_v2: ["int32"],
  cuCtxSetCurrent: ["address"],
  cuMemGetInfo_v2: ["pointer", "pointer"],
  cuMemAlloc_v2: ["pointer", "size"],
  cuMemFree_v2: ["address"],
  cuMemHostAlloc: ["pointer", "size", "uint32"],
  cuMemFreeHost: ["address"],
  cuMemcpyHtoDAsync_v2: ["address", "pointer", "size", "address"],
  cuMemcpyDtoHAsync_v2: ["pointer", "address", "size", "address"],
  cuMemcpyDtoDAsync_v2: ["address", "address", "size", "address"],
  cuMemsetD8Async: ["address", "uint32", "size", "address"],
  cuStreamCreate: ["pointer", "uint32"],
  cuStreamDestroy_v2: ["address"],
  cuStreamSynchronize: ["address"],
  cuStreamQuery: ["address"],
  cuStreamWaitEvent: ["address", "address", "uint32"],
  cuEventCreate: ["pointer", "uint32"],
  cuEventDestroy_v2: ["address"],
  cuEventRecord: ["address", "address"],
  cuEventQuery: ["address"],
  cuEventSynchronize: ["address"],
  // The first version, which every driver has: 12.8 added a second one.
  cuEventElapsedTime: ["pointer", "address", "address"],
  cuModuleLoadDataEx: ["pointer", "pointer", "uint32", "pointer", "pointer"],
  cuModuleUnload: ["address"],
  cuModuleGetFunction: ["pointer", "address", "pointer"],
  cuFuncGetAttribute: ["pointer", "int32", "address"],
  cuFuncSetAttribute: ["address", "int32", "int32"],
  cuLaunchKernel: [
    "address",
    "uint32",
    "uint32",
    "uint32",
    "uint32",
    "uint32",
    "uint32",
    "uint32",
    "address",
    "pointer",
    "pointer",
  ],
  cuStreamBeginCapture_v2: ["address", "uint32"],
  cuStreamEndCapture: ["address", "pointer"],
  cuGraphInstantiateWithFlags: ["pointer", "address", "uint64"],
  cuGraphLaunch: ["address", "address"],
  cuGraphExecDestroy: ["address"],
  cuGraphDestroy: ["address"],
} as const;

/** Functions that older drivers lack; features that need them are then unavailable. */
export const cudaOptionalFunctions = {
  cuDeviceGetUuid_v2: ["pointer", "int32"],
  cuMemAllocAsync: ["pointer", "size", "address"],
  cuMemFreeAsync: ["address", "address"],
  cuMemGetAllocationGranularity: ["pointer", "pointer", "uint32"],
  cuMemAddressReserve: ["pointer", "size", "size", "address", "uint64"],
  cuMemAddressFree: ["address", "size"],
  cuMemCreate: ["pointer", "size", "pointer", "uint64"],
  cuMemRelease: ["uint64"],
  cuMemMap: ["address", "size", "size", "uint64", "uint64"],
  cuMemUnmap: ["address", "size"],
  cuMemSetAccess: ["address", "size", "pointer", "size"],
} as const;

/** `CUresult` values that are handled; all others are errors. */
export const cudaSuccess = 0;
export const cudaErrorOutOfMemory = 2;
export const cudaErrorNoDevice = 100;
export const cudaErrorInvalidContext = 201;
export const cudaErrorNotReady = 600;
export const cudaErrorContextIsDestroyed = 709;

/** Flags; the header writes `CU_STREAM_NON_BLOCKING`. */
export const cuStreamNonBlocking = 1;
export const cuEventDefault = 0;
export const cuEventBlockingSync = 1;
export const cuEventDisableTiming = 2;
export const cuMemAllocationTypePinned = 1;
export const cuMemLocationTypeDevice = 1;
export const cuMemAccessFlagsProtReadwrite = 3;
export const cuMemAllocGranularityMinimum = 0;
/** Calls that would wait for the device fail in the capturing thread, and in no other. */
export const cuStreamCaptureModeThreadLocal = 1;

/** `CUjit_option` values. */
export const jitOption = { errorLogBuffer: 5, errorLogBufferSizeBytes: 6 } as const;

/** `CUfunction_attribute` values. */
export const functionAttribute = {
  maxThreadsPerBlock: 0,
  staticSharedBytes: 1,
  localBytes: 3,
  registerCount: 4,
  maxDynamicSharedBytes: 8,
} as const;

/** `CUdevice_attribute` values. */
export const deviceAttribute = {
  sharedBytesPerBlock: 8,
  clockRateKhz: 13,
  multiprocessorCount: 16,
  memoryClockRateKhz: 36,
  memoryBusWidthBits: 37,
  l2CacheBytes: 38,
  maxThreadsPerMultiprocessor: 39,
  computeCapabilityMajor: 75,
  computeCapabilityMinor: 76,
  sharedBytesPerMultiprocessor: 81,
  registersPerMultiprocessor: 82,
  optInSharedBytesPerBlock: 97,
  virtualMemoryManagement: 102,
  memoryPools: 115,
} as const;
