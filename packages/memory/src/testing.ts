export {
  allocatorCases,
  type AllocatorHarness,
  type AllocatorSetup,
  type ConformanceCase,
} from "./conformance/allocator-cases.ts";
export {
  type BlockAddress,
  soakAllocator,
  type SoakOptions,
  type SoakResult,
} from "./conformance/allocator-soak.ts";
