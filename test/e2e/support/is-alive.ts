import { existsSync, readFileSync } from "node:fs";

/** Whether a process runs; one that has ended and that its parent has not waited for yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
  // The name in parentheses may have spaces.
  return stat.slice(stat.lastIndexOf(")")).split(" ")[1] !== "Z";
}

/** Resolves when a process has ended; the test's own time limit ends the wait. */
export async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}
