import { realpathSync } from "node:fs";

/**
 * Leaves a working directory that does not exist any more, for the root: neither a path can be resolved nor a
 * thread be started in it. Answers whether it was so.
 */
export function leaveMissingDirectory(): boolean {
  try {
    // Asks the system; `process.cwd()` remembers.
    realpathSync.native(".");
    return false;
  } catch {
    process.chdir("/");
    return true;
  }
}
