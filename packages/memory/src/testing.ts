export {
  type AllocatorCase,
  allocatorCases,
  type AllocatorHarness,
  type AllocatorSetup,
} from "./allocator-cases.ts";
export { type BlockAddress, soakAllocator, type SoakOptions, type SoakResult } from "./allocator-soak.ts";
