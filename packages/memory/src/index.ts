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
export { checkMemoryBalance, type MemoryBalance } from "./devices/check-memory-balance.ts";
export { createCpuDevice, type CpuDeviceOptions } from "./devices/cpu-device.ts";
export type { DeviceMemory, LedgerAccount, ModelMemory, PurposeMemory } from "./ledger/device-ledger.ts";
export type { Device } from "./device.ts";
export { MemoryError, type MemoryErrorCode, type TagUsage, OutOfMemoryError } from "./errors.ts";
export type { MemoryEvent, MemoryEventMap, MemoryEventSink, MemoryPressure } from "./events.ts";
export { formatBytes } from "./format-bytes.ts";
export type { ClusterGpu, LocalGpu, MigInstance } from "./devices/gpu.ts";
export {
  createHostMemoryPool,
  type HostMemoryPool,
  type HostMemoryPoolOptions,
} from "./pool/host-memory-pool.ts";
export { type HostMemory, type HostMemoryOptions, readHostMemory } from "./devices/host-memory.ts";
export {
  type DeviceProbe,
  type DeviceProbeResult,
  listDevices,
  type ListDevicesOptions,
  probeDevices,
} from "./devices/list-devices.ts";
export {
  assertPlanFits,
  type MemoryPlan,
  type AvailableMemory,
  ModelDoesNotFitError,
  readAvailableMemory,
} from "./ledger/memory-plan.ts";
export type { MemoryPool } from "./pool/memory-pool.ts";
export {
  createMemoryTracker,
  type MemoryLedger,
  type MemorySnapshot,
  type MemoryTracker,
  type MemoryTrackerOptions,
} from "./ledger/memory-tracker.ts";
export type { PoolOptions } from "./pool/pool-options.ts";
export type { Watermarks } from "./ledger/watermarks.ts";
export {
  computeWorldSize,
  type Parallelism,
  resolveParallelism,
  type WorldSize,
} from "./devices/parallelism.ts";
export {
  type GpuPolicy,
  type GpuSelection,
  selectGpus,
  type SelectGpusOptions,
} from "./devices/select-gpus.ts";
export { resolveVisibleGpus, type VisibleGpus } from "./devices/visible-gpus.ts";
