import { createCudaDevice, type CudaMemoryPool } from "@infernode/memory/cuda";
import { afterEach } from "vitest";
import { createCheckedPool } from "../../../../../test/support/cuda/create-checked-pool.ts";
import { describeOverProcessor } from "../../../../../test/support/cuda/describe-over-processor.ts";
import type { Processor } from "../../../../../test/support/cuda/open-processor.ts";
import { collectUntil } from "../../../../memory/test/cuda/collect-garbage.ts";

/** Memory of a device for one test. */
export type OpenPool = () => { readonly pool: CudaMemoryPool } & Disposable;

/** Describes behaviour of executors on the processor as a CUDA device; skipped where there is none. */
export function describeOnDevice(
  title: string,
  define: (openPool: OpenPool, processor: Processor) => void,
): void {
  describeOverProcessor(title, {}, (processor) => {
    // Pinned memory is freed when its views are collected.
    afterEach(() => collectUntil(() => processor.standIn.live().pinned === 0));
    const openPool: OpenPool = () => {
      const device = createCudaDevice({ driver: processor.driver });
      const pool = createCheckedPool(device);
      const close = (): void => {
        pool.dispose();
        device.dispose();
      };
      return { pool, [Symbol.dispose]: close };
    };
    define(openPool, processor);
  });
}
