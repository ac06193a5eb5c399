import { readdirSync, readFileSync } from "node:fs";

/** Resources of a process; Linux only. Zero for a process that has exited. */
export interface ProcessUsage {
  readonly rssMiB: number;
  readonly descriptorCount: number;
}

export function readProcessUsage(pid: number): ProcessUsage {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const rssKiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return {
      rssMiB: Math.round(rssKiB / 102.4) / 10,
      descriptorCount: readdirSync(`/proc/${pid}/fd`).length,
    };
  } catch {
    return { rssMiB: 0, descriptorCount: 0 };
  }
}
