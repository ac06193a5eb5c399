import { createCudaDevice, type CudaDriver, type CudaMemoryPool } from "@infernode/memory/cuda";
import { afterEach } from "vitest";
import { createCheckedPool } from "../../../../../test/support/cuda/create-checked-pool.ts";
import { describeOnCuda } from "../../../../../test/support/cuda/describe-on-cuda.ts";
import { describeOverProcessor } from "../../../../../test/support/cuda/describe-over-processor.ts";
import type { Processor } from "../../../../../test/support/cuda/open-processor.ts";
import { collectUntil } from "../../../../memory/test/cuda/collect-garbage.ts";

/** Memory of a device for one test. */
export type OpenPool = () => { readonly pool: CudaMemoryPool } & Disposable;

/** Describes behaviour of executors on a CUDA device: the processor, or a GPU where tests are to use it. */
export function describeOnDevice(title: string, define: (openPool: OpenPool) => void): void {
  describeOnCuda(title, {}, ({ driver, processor }) => {
    if (processor !== undefined) expectNothingPinned(processor);
    define(() => openPool(driver));
  });
}

/** Describes what needs the processor as the device, such as failures on purpose; skipped where there is none. */
export function describeOnProcessor(
  title: string,
  define: (openPool: OpenPool, processor: Processor) => void,
): void {
  describeOverProcessor(title, {}, (processor) => {
    expectNothingPinned(processor);
    define(() => openPool(processor.driver), processor);
  });
}

/** Pinned memory is freed when its views are collected. */
function expectNothingPinned({ standIn }: Processor): void {
  afterEach(() => collectUntil(() => standIn.live().pinned === 0));
}

function openPool(driver: CudaDriver): ReturnType<OpenPool> {
  const device = createCudaDevice({ driver });
  const pool = createCheckedPool(device);
  const close = (): void => {
    pool.dispose();
    device.dispose();
  };
  return { pool, [Symbol.dispose]: close };
}
