import { afterEach, beforeEach, describe, expect } from "vitest";
import { nothingLive } from "../../../packages/memory/test/cuda/stand-in/load-stand-in.ts";
import { openProcessor, type Processor, type ProcessorOptions } from "./open-processor.ts";

/**
 * Describes behaviour with the processor as a CUDA device; skipped, with the reason printed, where kernels cannot be
 * built. Each test must leave no live object in it.
 */
export function describeOverProcessor(
  title: string,
  options: ProcessorOptions,
  define: (processor: Processor) => void,
): void {
  const processor = openProcessor(options);
  const reason = "reason" in processor ? processor.reason : undefined;
  if (reason !== undefined) console.warn(`skipped "${title}": ${reason}`);
  describe.skipIf(reason !== undefined)(title, () => {
    if ("reason" in processor) return;
    console.info(`"${title}": threads run in the order of INFERNODE_KERNEL_SEED=${processor.seed}`);
    beforeEach(() => processor.standIn.reset());
    afterEach(() => expect(processor.standIn.live()).toEqual(nothingLive));
    define(processor);
  });
}
