import {
  createCudaMemoryPool,
  type CudaDevice,
  type CudaMemoryPool,
} from "../../../packages/memory/src/cuda/index.ts";

/**
 * Creates a pool whose blocks are allocations of their own, so that a kernel that accesses another block, a freed one
 * or more than 255 bytes beyond its own fails on the processor.
 */
export function createCheckedPool(device: CudaDevice): CudaMemoryPool {
  return createCudaMemoryPool({
    device,
    arenaKind: "plain",
    arenaBytes: 256,
    chunkBytes: 256,
    retainBytes: 0,
  });
}
