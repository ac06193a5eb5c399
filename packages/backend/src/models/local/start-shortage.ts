import type { EngineExit } from "./fork-engine.ts";

/** What the machine has too little of to start a process; it may have it again later. */
export interface StartShortage {
  /** The system's. */
  readonly code: string;
  /** For people, in one line. */
  readonly reason: string;
}

const shortages: Readonly<Record<string, string>> = {
  EMFILE:
    "this process has as many files and connections open as it may; a start needs 16 more (raise `ulimit -n`)",
  ENFILE: "the machine has as many files open as it may",
  EAGAIN:
    "no more processes or threads may be started (see `ulimit -u` and the container's limit of processes)",
  ENOMEM: "the machine has no memory for another process",
};

/** Says what was lacking where no process could be made; `undefined` for a process that ended. */
export function startShortageOf({ startErrorCode: code }: EngineExit): StartShortage | undefined {
  const what = code === undefined ? undefined : shortages[code];
  if (code === undefined || what === undefined) return undefined;
  return { code, reason: `the engine process cannot be started (${code}): ${what}` };
}
