import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Environment of a daemon whose engine can be made to fail; see engine-faults.mjs. */
export const faultyEngine: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=${new URL("./engine-faults.mjs", import.meta.url).href}`,
};

/** A prompt that kills the engine that gets it. */
export const poison = "kill-the-engine-that-reads-this";

/** A prompt that blocks the engine that gets it. */
export const stopper = "block-the-engine-that-reads-this";

/** Whether a process runs; one that has ended and that nobody has asked about yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
  return stat.split(" ")[2] !== "Z";
}

/** Resolves when a process has ended; the test's own time limit ends the wait. */
export async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Resolves with the process's first child. */
export async function untilChild(pid: number): Promise<number> {
  for (;;) {
    const children = execFileSync("ps", ["-A", "-o", "ppid=,pid="], { encoding: "utf8" })
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number));
    const child = children.find(([parentPid]) => parentPid === pid)?.[1];
    if (child !== undefined) return child;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
