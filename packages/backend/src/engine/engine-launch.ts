import { BackendError } from "../errors.ts";
import { createResolvers } from "./async-queue.ts";
import type { EngineCoreOptions } from "./engine-core.ts";
import type { EngineExit, StartEngineProcess } from "./fork-engine.ts";
import { modelFailure } from "./model-failure.ts";
import type { DaemonMessage, EngineMessage } from "./protocol.ts";

type ReadyMessage = Extract<EngineMessage, { readonly type: "ready" }>;

export interface EngineLaunchOptions {
  readonly startProcess: StartEngineProcess;
  readonly engine: EngineCoreOptions;
  readonly statsIntervalMs: number;
  readonly startTimeoutMs: number;
  readonly onReady: (message: ReadyMessage) => void;
  /** Any other message of a process that started. */
  readonly onMessage: (message: Exclude<EngineMessage, ReadyMessage>) => void;
  readonly onOutput: (line: string) => void;
  /** Called once; `failure` says why where the engine or its start-up said it. */
  readonly onExit: (exit: EngineExit, failure: BackendError | undefined) => void;
}

/** One engine process, from its start to its end. */
export interface EngineLaunch {
  readonly pid: number | undefined;
  readonly isReady: boolean;
  readonly isOver: boolean;
  send(message: DaemonMessage): void;
  /** Asks it to end, and ends it when it has not after so long. */
  end(graceMs: number): Promise<void>;
}

/** Writes how a process ended, with the last lines of its output. */
export function describeExit(exit: EngineExit): string {
  const how = exit.signal === undefined ? `with code ${exit.exitCode ?? "unknown"}` : `by ${exit.signal}`;
  const tail = exit.outputTail.slice(-5).join("\n");
  return tail === "" ? how : `${how}; it last wrote:\n${tail}`;
}

/** Starts an engine process and has it load its model; one that is not ready in time is killed. */
export function launchEngine(options: EngineLaunchOptions): EngineLaunch {
  const exited = createResolvers<void>();
  let isReady = false;
  let isOver = false;
  let failure: BackendError | undefined;
  const channel = options.startProcess({
    onOutput: options.onOutput,
    onMessage: (message) => {
      if (message.type === "ready") {
        isReady = true;
        clearTimeout(startTimer);
        options.onReady(message);
      } else {
        if (message.type === "start-failed") failure = modelFailure(message.error);
        options.onMessage(message);
      }
    },
    onExit: (exit) => {
      isOver = true;
      clearTimeout(startTimer);
      exited.resolve();
      options.onExit(exit, failure);
    },
  });
  const startTimer = setTimeout(() => {
    failure = new BackendError(
      "ENGINE_START_TIMEOUT",
      `the engine was to be ready within ${options.startTimeoutMs} ms and was not; see engine.startTimeoutMs`,
    );
    channel.kill();
  }, options.startTimeoutMs);
  channel.send({ type: "start", options: options.engine, statsIntervalMs: options.statsIntervalMs });

  return {
    pid: channel.pid,
    get isReady() {
      return isReady;
    },
    get isOver() {
      return isOver;
    },
    send: (message) => channel.send(message),
    end: async (graceMs) => {
      if (isOver) return;
      // A process that still loads may not read its messages for long.
      if (!isReady) channel.kill();
      channel.send({ type: "shutdown" });
      const timer = setTimeout(() => channel.kill(), graceMs);
      await exited.promise;
      clearTimeout(timer);
    },
  };
}
