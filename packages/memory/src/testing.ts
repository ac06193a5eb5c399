export { allocatorCases, type AllocatorCase, type AllocatorHarness } from "./allocator-cases.ts";
