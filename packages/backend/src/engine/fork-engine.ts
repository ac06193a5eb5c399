import { fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type DaemonMessage, type EngineMessage, isEngineMessage } from "./protocol.ts";

/** How a process ended: with a code, or by a signal. */
export interface EngineExit {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
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
  /** Does nothing when the process is gone; `onExit` tells of it. */
  send(message: DaemonMessage): void;
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
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      outputTail.push(line);
      if (outputTail.length > tailLineCount) outputTail.shift();
      listeners.onOutput(line);
    });
  }
  let isOver = false;
  const end = (exit: Omit<EngineExit, "outputTail">): void => {
    if (isOver) return;
    isOver = true;
    listeners.onExit({ ...exit, outputTail });
  };
  child.on("message", (message) => {
    if (isEngineMessage(message)) listeners.onMessage(message);
    else listeners.onOutput("an unknown message came from the engine process");
  });
  // `close` comes after the last line of output; `exit` may come before it.
  child.on("close", (code, signal) => end({ exitCode: code ?? undefined, signal: signal ?? undefined }));
  child.on("error", (error) => {
    outputTail.push(error.message);
    if (child.pid === undefined) end({ exitCode: undefined, signal: undefined });
  });
  return {
    pid: child.pid,
    send: (message) => {
      if (child.connected) child.send(message, () => undefined);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
