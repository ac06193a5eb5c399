/**
 * The required functions of the NVIDIA Management Library with their C types.
 * @see https://docs.nvidia.com/deploy/nvml-api/
 */
export const nvmlFunctions = {
  nvmlInit_v2: [],
  nvmlShutdown: [],
  nvmlSystemGetDriverVersion: ["pointer", "uint32"],
  nvmlSystemGetCudaDriverVersion_v2: ["pointer"],
  nvmlDeviceGetCount_v2: ["pointer"],
  nvmlDeviceGetHandleByIndex_v2: ["uint32", "pointer"],
  nvmlDeviceGetName: ["address", "pointer", "uint32"],
  nvmlDeviceGetUUID: ["address", "pointer", "uint32"],
  nvmlDeviceGetPciInfo_v3: ["address", "pointer"],
  nvmlDeviceGetMemoryInfo: ["address", "pointer"],
  nvmlDeviceGetCudaComputeCapability: ["address", "pointer", "pointer"],
} as const;

/** Values of the header, which writes `NVML_SUCCESS`. */
export const nvmlSuccess = 0;
export const nvmlErrorNotSupported = 3;
export const nvmlErrorNoPermission = 4;
export const nvmlErrorNotFound = 6;
export const nvmlErrorInsufficientSize = 7;
export const nvmlErrorFunctionNotFound = 13;
export const nvmlErrorNoData = 21;
export const nvmlErrorNotReady = 27;
export const nvmlTemperatureGpu = 0;
export const nvmlMemoryErrorTypeCorrected = 0;
export const nvmlMemoryErrorTypeUncorrected = 1;
export const nvmlVolatileEcc = 0;
export const nvmlDeviceMigEnable = 1;

/** Sizes of the header's structures and offsets of their fields, in bytes. */
export const nvmlLayouts = {
  nvmlPciInfo_t: { sizeBytes: 68, busId: 36 },
  nvmlProcessInfo_t: { sizeBytes: 24, pid: 0, usedGpuMemory: 8 },
  nvmlMemory_t: { sizeBytes: 24, total: 0, free: 8, used: 16 },
  nvmlUtilization_t: { sizeBytes: 8, gpu: 0, memory: 4 },
} as const;

/** Functions that older libraries lack; their values are then undefined. */
export const nvmlOptionalFunctions = {
  nvmlDeviceGetUtilizationRates: ["address", "pointer"],
  nvmlDeviceGetTemperature: ["address", "uint32", "pointer"],
  nvmlDeviceGetPowerUsage: ["address", "pointer"],
  nvmlDeviceGetEnforcedPowerLimit: ["address", "pointer"],
  nvmlDeviceGetTotalEccErrors: ["address", "uint32", "uint32", "pointer"],
  nvmlDeviceGetMigMode: ["address", "pointer", "pointer"],
  nvmlDeviceGetMaxMigDeviceCount: ["address", "pointer"],
  nvmlDeviceGetMigDeviceHandleByIndex: ["address", "uint32", "pointer"],
  nvmlDeviceGetGpuInstanceId: ["address", "pointer"],
  nvmlDeviceGetComputeInstanceId: ["address", "pointer"],
  nvmlDeviceGetComputeRunningProcesses_v3: ["address", "pointer", "pointer"],
  nvmlDeviceGetGraphicsRunningProcesses_v3: ["address", "pointer", "pointer"],
  nvmlSystemGetProcessName: ["uint32", "pointer", "uint32"],
} as const;
