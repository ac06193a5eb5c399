/**
 * The functions of the NVIDIA Management Library that are used, with their C types.
 * @see https://docs.nvidia.com/deploy/nvml-api/
 */
export const NVML_FUNCTIONS = {
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

/** Values of the header, by its names. */
export const NVML_SUCCESS = 0;
export const NVML_ERROR_NOT_SUPPORTED = 3;
export const NVML_ERROR_NO_PERMISSION = 4;
export const NVML_ERROR_NOT_FOUND = 6;
export const NVML_ERROR_INSUFFICIENT_SIZE = 7;
export const NVML_ERROR_FUNCTION_NOT_FOUND = 13;
export const NVML_ERROR_NO_DATA = 21;
export const NVML_ERROR_NOT_READY = 27;
export const NVML_TEMPERATURE_GPU = 0;
export const NVML_MEMORY_ERROR_TYPE_CORRECTED = 0;
export const NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1;
export const NVML_VOLATILE_ECC = 0;
export const NVML_DEVICE_MIG_ENABLE = 1;

/** Where fields lie in the header's structures, and how large these are; bytes. */
export const NVML_LAYOUTS = {
  nvmlPciInfo_t: { sizeBytes: 68, busId: 36 },
  nvmlProcessInfo_t: { sizeBytes: 24, pid: 0, usedGpuMemory: 8 },
  nvmlMemory_t: { sizeBytes: 24, total: 0, free: 8, used: 16 },
  nvmlUtilization_t: { sizeBytes: 8, gpu: 0, memory: 4 },
} as const;

/** What older libraries may lack; the values are then absent. */
export const NVML_OPTIONAL_FUNCTIONS = {
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
