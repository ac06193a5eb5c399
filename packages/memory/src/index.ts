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
export type { Device } from "./device.ts";
