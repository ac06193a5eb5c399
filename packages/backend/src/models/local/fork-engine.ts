import { fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type DaemonMessage, type EngineMessage, isEngineMessage } from "./protocol.ts";
import { serializeMessage } from "./serialized-message.ts";

/** How a process ended: with a code, or by a signal. */
export interface EngineExit {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** The system's code (`EMFILE`, `EAGAIN`) where there was no process at all. */
  readonly startErrorCode?: string | undefined;
  /** The last lines that the process wrote. */
  readonly outputTail: readonly string[];
}

/** Who is told what the engine process says and does. */
export interface EngineListeners {
  onMessage(message: EngineMessage): void;
  /** A line that the process wrote to its output, such as a native library's warning. */
  onOutput(line: string): void;
  /** Called once; nothing comes after it. */
  onExit(exit: EngineExit): void;
}

/** The other end: one engine process. */
export interface EngineChannel {
  readonly pid: number | undefined;
  /**
   * `false` when the process is gone; `onExit` tells of it.
   * @throws what the message's values cannot be written for, such as a stack overflow
   */
  send(message: DaemonMessage): boolean;
  /** Ends it at once. */
  kill(): void;
}

/** Starts one engine process. */
export type StartEngineProcess = (listeners: EngineListeners) => EngineChannel;

const tailLineCount = 20;

/** Starts the engine in a child process of this one; it ends when this process does. */
export function forkEngine(listeners: EngineListeners): EngineChannel {
  const child = fork(fileURLToPath(new URL("./engine-process.js", import.meta.url)), [], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Inspector and watch flags are this process's own.
    execArgv: [],
  });
  const outputTail: string[] = [];
  let isOver = false;
  const end = (exit: Omit<EngineExit, "outputTail">): void => {
    if (isOver) return;
    isOver = true;
    listeners.onExit({ ...exit, outputTail });
  };
  // First of all: where there are no descriptors left, the child has neither a process nor pipes.
  child.on("error", (error: NodeJS.ErrnoException) => {
    outputTail.push(error.message);
    if (child.pid === undefined) end({ exitCode: undefined, signal: undefined, startErrorCode: error.code });
  });
  // `close` comes after the last line of output; `exit` may come before it.
  child.on("close", (code, signal) => {
    if (child.pid !== undefined) end({ exitCode: code ?? undefined, signal: signal ?? undefined });
  });
  child.on("message", (message) => {
    if (isEngineMessage(message)) listeners.onMessage(message);
    else listeners.onOutput("an unknown message came from the engine process");
  });
  // They are declared as null where there are none, and are undefined.
  for (const stream of [child.stdout ?? undefined, child.stderr ?? undefined]) {
    if (stream === undefined) continue;
    createInterface({ input: stream }).on("line", (line) => {
      outputTail.push(line);
      if (outputTail.length > tailLineCount) outputTail.shift();
      listeners.onOutput(line);
    });
  }
  return {
    pid: child.pid,
    send: (message) => {
      const envelope = serializeMessage(message);
      if (!child.connected) return false;
      child.send(envelope, () => undefined);
      return true;
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
