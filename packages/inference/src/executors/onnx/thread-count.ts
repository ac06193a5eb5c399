import { readFileSync } from "node:fs";
import os from "node:os";

/** What is known of the system's processors. */
export interface CpuSystem {
  readonly availableParallelism: number;
  /** Text of a system file; `undefined` if it is absent. */
  readonly readFile: (path: string) => string | undefined;
}

const thisSystem: CpuSystem = { availableParallelism: os.availableParallelism(), readFile: readTextFile };

/**
 * Counts the physical cores that this process may use: those it is allowed, without hyper-threads, and within a
 * container's CPU quota. At least 1.
 */
export function defaultThreadCount(system: CpuSystem = thisSystem): number {
  const logical = system.availableParallelism;
  const byCores = Math.ceil(logical / threadsPerCore(system));
  return Math.max(1, Math.min(byCores, quotaCpus(system) ?? byCores));
}

function threadsPerCore({ readFile }: CpuSystem): number {
  const siblings = readFile("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")?.trim();
  if (!siblings) return 1;
  let count = 0;
  for (const range of siblings.split(",")) {
    const [first = 0, last = first] = range.split("-").map(Number);
    count += last - first + 1;
  }
  return Math.max(1, count);
}

/** CPUs that the control group allows per period, rounded up. */
function quotaCpus({ readFile }: CpuSystem): number | undefined {
  const [quota, period] = readFile("/sys/fs/cgroup/cpu.max")?.trim().split(" ").map(Number) ?? [];
  if (!quota || !period) return undefined;
  return Math.ceil(quota / period);
}

function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
