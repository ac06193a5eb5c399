import type { GpuIdentity } from "../../src/models/gpu/gpu-identity.ts";

/** What a verdict of a check is for, in tests. */
export const gpuIdentity: GpuIdentity = {
  uuid: "GPU-1",
  name: "A GPU",
  computeCapability: "9.0",
  driver: "580.65.06",
  cudaVersion: "13.0",
  kernels: "0123",
  version: "0.1.0",
};
