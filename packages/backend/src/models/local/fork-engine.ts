import { fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { unpackMessage } from "./packed-message.ts";
import type { DaemonMessage, EngineMessage } from "./protocol.ts";
import { serializeMessage } from "./serialized-message.ts";

/** How a process ended: with a code, or by a signal. */
export interface EngineExit {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** The system's code (`EMFILE`, `EAGAIN`) if no process was started. */
  readonly startErrorCode?: string | undefined;
  /** The last lines that the process wrote. */
  readonly outputTail: readonly string[];
}

/** Callbacks for an engine process. */
export interface EngineListeners {
  onMessage(message: EngineMessage): void;
  /** Called with a line of the process's output, such as a warning of a native library. */
  onOutput(line: string): void;
  /** Called once and last. */
  onExit(exit: EngineExit): void;
}

/** The channel to one engine process. */
export interface EngineChannel {
  readonly pid: number | undefined;
  /**
   * Returns `false` when the process has ended.
   * @throws what the serializer throws, such as a RangeError for values that are nested too deeply
   */
  send(message: DaemonMessage): boolean;
  /** Kills it with SIGKILL. */
  kill(): void;
}

/** Starts one engine process. */
export type StartEngineProcess = (listeners: EngineListeners) => EngineChannel;

const tailLineCount = 20;

/** Starts the engine in a child process, which exits when this process does. */
export function forkEngine(listeners: EngineListeners): EngineChannel {
  const child = fork(fileURLToPath(new URL("./engine-process.js", import.meta.url)), [], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Inspector and watch flags are not inherited.
    execArgv: [],
  });
  const outputTail: string[] = [];
  let isOver = false;
  const end = (exit: Omit<EngineExit, "outputTail">): void => {
    if (isOver) return;
    isOver = true;
    listeners.onExit({ ...exit, outputTail });
  };
  // Added first: if no descriptors are left, the child has neither a process nor pipes.
  child.on("error", (error: NodeJS.ErrnoException) => {
    outputTail.push(error.message);
    if (child.pid === undefined) end({ exitCode: undefined, signal: undefined, startErrorCode: error.code });
  });
  // `close` comes after the last line of output; `exit` may come before it.
  child.on("close", (code, signal) => {
    if (child.pid !== undefined) end({ exitCode: code ?? undefined, signal: signal ?? undefined });
  });
  child.on("message", (value) => {
    const message = unpackMessage(value);
    if (message !== undefined) listeners.onMessage(message);
    else listeners.onOutput("expected a message of the protocol from the engine process, got another one");
  });
  // Absent streams are declared as null, but are undefined.
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
