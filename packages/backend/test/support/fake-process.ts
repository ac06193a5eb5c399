import type { CreateEngineCore, EngineCore } from "../../src/models/engine/engine-core.ts";
import { createEngineHost } from "../../src/models/local/engine-host.ts";
import type { EngineListeners, StartEngineProcess } from "../../src/models/local/fork-engine.ts";
import type { EngineMessage } from "../../src/models/local/protocol.ts";

/** An engine process that is none: the real host, its messages copied as a channel would, in this process. */
export interface FakeProcess {
  readonly pid: number;
  readonly messages: EngineMessage[];
  /** Ends it as a native abort would. */
  crash(): void;
  /** From now on it says nothing, as a process that hangs. */
  freeze(): void;
  /** Sends anything, as a broken process might. */
  say(message: unknown): void;
}

/** @param selfTest what a process does before it is ready, where it is asked to. [nothing] */
export function createFakeProcesses(
  createCore: CreateEngineCore,
  selfTest: (core: EngineCore) => Promise<void> = async () => undefined,
): {
  readonly processes: FakeProcess[];
  readonly startProcess: StartEngineProcess;
} {
  const processes: FakeProcess[] = [];
  const startProcess = (listeners: EngineListeners) => {
    let isAlive = true;
    let isFrozen = false;
    const messages: EngineMessage[] = [];
    const end = (exitCode: number | undefined, signal: string | undefined): void => {
      if (!isAlive) return;
      isAlive = false;
      setImmediate(() => listeners.onExit({ exitCode, signal, outputTail: ["the last line"] }));
    };
    const host = createEngineHost({
      createCore,
      send: (message, onSent) => {
        setImmediate(onSent);
        if (!isAlive || isFrozen) return;
        const copy = structuredClone(message);
        messages.push(copy);
        setImmediate(() => listeners.onMessage(copy));
      },
      selfTest,
      onShutdown: (exitCode) => end(exitCode, undefined),
    });
    const pid = processes.length + 1;
    processes.push({
      pid,
      messages,
      crash: () => end(undefined, "SIGABRT"),
      freeze: () => {
        isFrozen = true;
      },
      say: (message) => listeners.onMessage(message as EngineMessage),
    });
    return {
      pid,
      send: (message: Parameters<typeof host.receive>[0]) => {
        const copy = structuredClone(message);
        setImmediate(() => {
          if (isAlive) host.receive(copy);
        });
        return isAlive;
      },
      kill: () => end(undefined, "SIGKILL"),
    };
  };
  return { processes, startProcess };
}
