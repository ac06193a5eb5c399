import type { EngineExit } from "./fork-engine.ts";

/** A resource that the system lacks to start a process; it may have it later. */
export interface StartShortage {
  /** The system's. */
  readonly code: string;
  /** In one line. */
  readonly reason: string;
}

const shortages: Readonly<Record<string, string>> = {
  EMFILE:
    "this process has reached its limit of open files and connections; a start needs 16 more (raise `ulimit -n`)",
  ENFILE: "the machine has reached its limit of open files",
  EAGAIN: "the limit of processes and threads is reached (see `ulimit -u` and the container's limit)",
  ENOMEM: "the machine has no memory for another process",
};

/** The resource that was lacking if no process could be started; `undefined` for a process that ended. */
export function startShortageOf({ startErrorCode: code }: EngineExit): StartShortage | undefined {
  const what = code === undefined ? undefined : shortages[code];
  if (code === undefined || what === undefined) return undefined;
  return { code, reason: `the engine process cannot be started (${code}): ${what}` };
}
