import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A control group with a memory limit, like a container's. */
export interface MemoryCgroup extends Disposable {
  /** Shell command that joins it. */
  readonly enter: string;
}

const root = "/sys/fs/cgroup";
let lastNumber = 0;

/** Creates a group; `undefined` if this process may not: it needs root and a writable cgroup file system. */
export function makeMemoryCgroup(limitBytes: number): MemoryCgroup | undefined {
  const isFirstVersion = existsSync(join(root, "memory", "memory.limit_in_bytes"));
  const parent = isFirstVersion ? join(root, "memory") : root;
  const directory = join(parent, `infernode-reliability-${process.pid}-${(lastNumber += 1)}`);
  const remove = (): void => {
    try {
      rmdirSync(directory);
    } catch {
      // Its last process may not have exited; an empty group is harmless.
    }
  };
  try {
    mkdirSync(directory);
    const limit = isFirstVersion ? "memory.limit_in_bytes" : "memory.max";
    writeFileSync(join(directory, limit), String(limitBytes));
  } catch {
    remove();
    return undefined;
  }
  return { enter: `echo $$ > ${join(directory, "cgroup.procs")}`, [Symbol.dispose]: remove };
}
