import { realpathSync } from "node:fs";

/**
 * Changes to the root if the working directory has been deleted: in such a directory no path can be resolved and no
 * thread started. Returns whether it did.
 */
export function leaveMissingDirectory(): boolean {
  try {
    // `process.cwd()` is cached, so this asks the system.
    realpathSync.native(".");
    return false;
  } catch {
    process.chdir("/");
    return true;
  }
}
