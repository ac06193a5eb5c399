export type {
  AllocationRequest,
  AllocationTag,
  GpuAllocator,
  HostMemoryBlock,
  MemoryBlock,
  MemoryPurpose,
  MemoryReservation,
  PoolStats,
} from "./allocator.ts";
export { checkMemoryBalance, type MemoryBalance } from "./check-memory-balance.ts";
export { createCpuDevice, type CpuDeviceOptions } from "./cpu-device.ts";
export type { DeviceMemory, ModelMemory, PurposeMemory } from "./device-ledger.ts";
export type { Device } from "./device.ts";
export { MemoryError, type MemoryErrorCode, type MemoryHolder, OutOfMemoryError } from "./errors.ts";
export type { MemoryEvent, MemoryEventMap, MemoryEventSink, MemoryPressure } from "./events.ts";
export { formatBytes } from "./format-bytes.ts";
export type { ClusterGpu, LocalGpu, MigInstance } from "./gpu.ts";
export { createHostMemoryPool, type HostMemoryPool, type HostMemoryPoolOptions } from "./host-memory-pool.ts";
export { type HostMemory, type HostMemoryOptions, readHostMemory } from "./host-memory.ts";
export type { LedgerAccount, MemoryLedger } from "./ledger.ts";
export {
  type DeviceProbe,
  type DeviceSurvey,
  listDevices,
  type ListDevicesOptions,
  surveyDevices,
} from "./list-devices.ts";
export {
  assertPlanFits,
  type MemoryPlan,
  type MemoryRoom,
  ModelDoesNotFitError,
  roomOn,
} from "./memory-plan.ts";
export type { MemoryPool } from "./memory-pool.ts";
export {
  createMemoryTracker,
  type MemorySnapshot,
  type MemoryTracker,
  type MemoryTrackerOptions,
} from "./memory-tracker.ts";
export type { PoolOptions } from "./pool-options.ts";
export type { Watermarks } from "./watermarks.ts";
export { computeWorldSize, type Parallelism, resolveParallelism, type WorldSize } from "./parallelism.ts";
export { type GpuPolicy, type GpuSelection, selectGpus, type SelectGpusOptions } from "./select-gpus.ts";
export { resolveVisibleGpus, type VisibleGpus } from "./visible-gpus.ts";
