import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A control group with a limit of memory, as a container has it. */
export interface MemoryCgroup extends Disposable {
  /** What a shell has to run first to be in it. */
  readonly enter: string;
}

const root = "/sys/fs/cgroup";
let lastNumber = 0;

/** Makes a group; `undefined` where this process may not, which takes root and a cgroup file system to write to. */
export function makeMemoryCgroup(limitBytes: number): MemoryCgroup | undefined {
  const isFirstVersion = existsSync(join(root, "memory", "memory.limit_in_bytes"));
  const parent = isFirstVersion ? join(root, "memory") : root;
  const directory = join(parent, `infernode-reliability-${process.pid}-${(lastNumber += 1)}`);
  const remove = (): void => {
    try {
      rmdirSync(directory);
    } catch {
      // Its last process may not be gone yet; an empty group does no harm.
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
