export type { ArenaSource, EventSource, MappedArena } from "./ports.ts";
export {
  createSubAllocator,
  type Placement,
  type RangeHandle,
  type SubAllocator,
  type SubAllocatorOptions,
  type SubAllocatorReservation,
  type SubAllocatorStats,
} from "./sub-allocator.ts";
