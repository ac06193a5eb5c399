import { Worker } from "node:worker_threads";

/**
 * Ends this process when its parent is gone, even while its own loop is blocked: a thread looks. A parent that was
 * killed cannot say so, and the end of the channel is noticed by the blocked loop only.
 */
export function watchParent(): void {
  const warn = (error: unknown): void => process.emitWarning(`the parent is not watched: ${String(error)}`);
  try {
    const thread = new Worker(new URL("./parent-watch-thread.js", import.meta.url), {
      execArgv: [],
      // It needs next to nothing, and is there for as long as the process.
      resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 4 },
    });
    thread.on("error", warn);
    thread.unref();
  } catch (error) {
    warn(error);
  }
}
