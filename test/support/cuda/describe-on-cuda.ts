import { describe } from "vitest";
import { type CudaDriver, loadCudaDriver } from "../../../packages/memory/src/cuda/index.ts";
import { describeOverProcessor } from "./describe-over-processor.ts";
import type { Processor, ProcessorOptions } from "./open-processor.ts";

/** The driver under test, and the processor where it is the stand-in. */
export interface CudaUnderTest {
  readonly driver: CudaDriver;
  readonly processor: Processor | undefined;
}

/**
 * Describes behaviour on a CUDA device: the processor, or the machine's GPU with `INFERNODE_TEST_CUDA=driver`, which fails
 * where there is none.
 */
export function describeOnCuda(
  title: string,
  options: ProcessorOptions,
  define: (under: CudaUnderTest) => void,
): void {
  if (process.env["INFERNODE_TEST_CUDA"] === "driver") {
    describe(title, () => {
      define({ driver: loadCudaDriver(), processor: undefined });
    });
  } else {
    describeOverProcessor(title, options, (processor) => define({ driver: processor.driver, processor }));
  }
}
