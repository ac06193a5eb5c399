import { Worker } from "node:worker_threads";

/**
 * Kills this process when its parent has ended. A thread checks, because a blocked event loop does not notice that
 * the channel closed.
 */
export function watchParent(): void {
  const warn = (error: unknown): void =>
    process.emitWarning(`the parent process cannot be watched: ${String(error)}`);
  try {
    const thread = new Worker(new URL("./parent-watch-thread.js", import.meta.url), {
      execArgv: [],
      // As small as possible: the thread runs for as long as the process.
      resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 4 },
    });
    thread.on("error", warn);
    thread.unref();
  } catch (error) {
    warn(error);
  }
}
