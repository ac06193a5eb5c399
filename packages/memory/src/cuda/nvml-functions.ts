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
