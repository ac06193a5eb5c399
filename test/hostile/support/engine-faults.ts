import { execFileSync } from "node:child_process";

/** Environment of a daemon whose engine can be made to fail; see engine-faults.mjs. */
export const faultyEngine: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=${new URL("./engine-faults.mjs", import.meta.url).href}`,
};

/** An engine is killed once it has sent so many events of calls while the file is not there, which is made then. */
export function killedAtEvent(count: number, file: string): Readonly<Record<string, string>> {
  return { ...faultyEngine, FAULTS_KILL_AT: String(count), FAULTS_KILLED: file };
}

/** An engine that is started while the file is there waits until it is gone. */
export function heldWhile(file: string): Readonly<Record<string, string>> {
  return { ...faultyEngine, FAULTS_HOLD_START_WHILE: file };
}

/** A prompt that kills the engine that gets it. */
export const poison = "kill-the-engine-that-reads-this";

/** A prompt that blocks the engine that gets it. */
export const stopper = "block-the-engine-that-reads-this";

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
