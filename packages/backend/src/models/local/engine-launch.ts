import type { ClockPort } from "@infernode/inference";
import type { AvailableMemory } from "@infernode/memory";
import { BackendError, EngineRequestError } from "../../errors.ts";
import { createResolvers } from "../../create-resolvers.ts";
import type { KeptExecutor } from "../engine/choose-executor.ts";
import type { EngineCoreOptions, EngineHeartbeat, ReserveMemory } from "../engine/engine-core.ts";
import type { GpuIdentity } from "../gpu/gpu-identity.ts";
import type { VerifyGpu } from "../gpu/gpu-verifier.ts";
import type { ModelStats } from "../model-service.ts";
import { startActivityMonitor } from "./activity-monitor.ts";
import type { EngineChannel, EngineExit, StartEngineProcess } from "./fork-engine.ts";
import { modelFailure } from "../error-record.ts";
import type { DaemonMessage, EngineMessage } from "./protocol.ts";

/** Sent by a process that has loaded its model. */
export type ReadyMessage = Extract<EngineMessage, { readonly type: "ready" }>;

/** Everything since the last one: events and ends of calls, events of the bus, statistics. */
export type BatchMessage = Extract<EngineMessage, { readonly type: "batch" }>;

export interface EngineLaunchOptions {
  readonly startProcess: StartEngineProcess;
  readonly engine: EngineCoreOptions;
  readonly heartbeatIntervalMs: number;
  /** It runs a self-test before it is ready. */
  readonly needsSelfTest: boolean;
  readonly startTimeoutMs: number;
  readonly hangAfterMs: number;
  /** Time for a process to end that said that it has failed. */
  readonly exitGraceMs: number;
  readonly clock: ClockPort;
  /** What the process may plan with, if that is known already. */
  readonly grantedMemory: () => AvailableMemory | undefined;
  /** Resolves with the memory that the process may plan with. */
  readonly reserveMemory: ReserveMemory;
  /** Says whether a GPU computes what it should. */
  readonly verifyGpu: VerifyGpu;
  /** What an earlier process ran the model with. */
  readonly keptExecutor: KeptExecutor | undefined;
  readonly onLoadProgress: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
  readonly onReady: (message: ReadyMessage) => void;
  readonly onBatch: (message: BatchMessage) => void;
  readonly onDrained: () => void;
  /** Called before a process is killed that makes no progress. */
  readonly onHung: (launch: EngineLaunch) => void;
  readonly onOutput: (line: string) => void;
  /** Called once; `failure` is the reason that the engine reported, or that it was killed for. */
  readonly onExit: (launch: EngineLaunch, exit: EngineExit, failure: BackendError | undefined) => void;
}

/** One engine process, from its start to its end. */
export interface EngineLaunch {
  readonly pid: number | undefined;
  /** Its model is loaded, and it has neither ended nor said that it will. */
  readonly isReady: boolean;
  /** Time from its start until it was ready; `undefined` before. */
  readonly startMs: number | undefined;
  /** The latest that it sent. */
  readonly stats: ModelStats | undefined;
  readonly heartbeat: EngineHeartbeat | undefined;
  /** Since its last message. */
  silentMs(): number;
  /** Says what is missing when it has made no progress for so long: messages, or steps for the work that it has. */
  stallReason(limitMs: number): string | undefined;
  /** Returns `false` when the process has ended. @throws what the serializer throws */
  send(message: DaemonMessage): boolean;
  /** Asks it to exit, and kills it if it has not after this long. */
  end(graceMs: number): Promise<void>;
}

/** Describes how a process ended, with the last lines of its output; stack traces are left to the log. */
export function describeExit(exit: EngineExit): string {
  const how = exit.signal === undefined ? `with code ${exit.exitCode ?? "unknown"}` : `by ${exit.signal}`;
  const lines = exit.outputTail.filter((line) => !/^\s*(?:at .*)?$/.test(line));
  const tail = lines.slice(-6).join("\n");
  return tail === "" ? how : `${how}; it last wrote:\n${tail}`;
}

/** Each time limit is checked this often. */
const ticksPerLimit = 10;
const maxTickMs = 1000;

/**
 * Starts an engine process and has it load its model. One that is not ready in time is killed, and so is a ready one
 * that makes no progress. While its weights are quantized, the time begins anew with each part, and after a GPU was
 * checked, whose check has a limit of its own.
 */
export function launchEngine(options: EngineLaunchOptions): EngineLaunch {
  const { clock, startTimeoutMs, hangAfterMs } = options;
  const exited = createResolvers<void>();
  const startedAtMs = clock.now();
  let startMs: number | undefined;
  let stats: ModelStats | undefined;
  let heartbeat: EngineHeartbeat | undefined;
  let loadedBytes = 0;
  let loadedAtMs = 0;
  let isVerifyingGpu = false;
  let isOver = false;
  let failure: BackendError | undefined;
  let exitTimer: NodeJS.Timeout | undefined;

  const kill = (why: BackendError): void => {
    if (isOver) return;
    failure ??= why;
    channel.kill();
  };
  const stallReason = (limitMs: number): string | undefined => {
    const stalledMs = Math.round(activity.stalledMs());
    if (stalledMs < limitMs) return undefined;
    const silentMs = Math.round(activity.silentMs());
    if (silentMs >= limitMs / 2) return `the engine process has sent no message for ${silentMs} ms`;
    const work = `${stats?.runningSequenceCount ?? 0} sequences running and ${stats?.waitingRequestCount ?? 0} requests waiting`;
    return `the engine has made no step for ${stalledMs} ms with ${work}`;
  };
  const assertActive = (): void => {
    if (startMs === undefined) {
      if (isVerifyingGpu || activity.elapsedMs() - loadedAtMs < startTimeoutMs) return;
      const since = loadedBytes === 0 ? "" : " of quantizing";
      const message = `expected the engine to be ready within ${startTimeoutMs} ms${since}, got no such message; see engine.startTimeoutMs`;
      return kill(new BackendError("ENGINE_START_TIMEOUT", message));
    }
    const reason = stallReason(hangAfterMs);
    if (reason === undefined || failure !== undefined) return;
    options.onHung(launch);
    kill(new BackendError("ENGINE_HUNG", `${reason} and was killed; see engine.hangAfterMs`));
  };
  const activity = startActivityMonitor({
    clock,
    tickMs: Math.min(maxTickMs, startTimeoutMs / ticksPerLimit, hangAfterMs / ticksPerLimit),
    onTick: assertActive,
  });
  const verifyGpu = async (identity: GpuIdentity): Promise<void> => {
    isVerifyingGpu = true;
    const verdict = await options.verifyGpu(identity);
    isVerifyingGpu = false;
    loadedAtMs = activity.elapsedMs();
    channel.send({ type: "gpu-verified", verdict });
  };
  const take = (message: EngineMessage): void => {
    activity.record(message.type === "batch" ? message.stats : undefined);
    switch (message.type) {
      case "ready":
        startMs = clock.now() - startedAtMs;
        return options.onReady(message);
      case "reserve-memory":
        void options
          .reserveMemory(message.demand)
          .then((memory) => channel.send({ type: "memory-reserved", memory }));
        return;
      case "verify-gpu":
        void verifyGpu(message.identity);
        return;
      case "batch":
        ({ stats } = message);
        heartbeat = message.heartbeat ?? heartbeat;
        return options.onBatch(message);
      case "load-progress":
        if (message.doneBytes > loadedBytes) {
          loadedBytes = message.doneBytes;
          loadedAtMs = activity.elapsedMs();
        }
        return options.onLoadProgress(message);
      case "start-failed":
        failure = modelFailure(message.error);
        return;
      case "failed":
        failure = new BackendError("ENGINE_CRASHED", message.error.message, {
          cause: new EngineRequestError(message.error),
        });
        // A driver may not return from what releases a device that was lost.
        exitTimer = setTimeout(() => channel.kill(), options.exitGraceMs);
        return;
      case "drained":
        return options.onDrained();
    }
  };
  const onMessage = (message: EngineMessage): void => {
    try {
      take(message);
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      kill(
        new BackendError(
          "ENGINE_PROTOCOL",
          `expected a message of the protocol from the engine process, got ${found}`,
          {
            cause,
          },
        ),
      );
    }
  };
  const onExit = (exit: EngineExit): void => {
    isOver = true;
    clearTimeout(exitTimer);
    activity.stop();
    options.onExit(launch, exit, failure);
    exited.resolve();
  };
  const launch: EngineLaunch = {
    get pid() {
      return channel.pid;
    },
    get isReady() {
      return startMs !== undefined && !isOver && exitTimer === undefined;
    },
    get startMs() {
      return startMs;
    },
    get stats() {
      return stats;
    },
    get heartbeat() {
      return heartbeat;
    },
    silentMs: () => activity.silentMs(),
    stallReason,
    send: (message) => channel.send(message),
    end: async (graceMs) => {
      if (isOver) return;
      // A process that is loading may not read its messages for a long time.
      if (!launch.isReady) channel.kill();
      channel.send({ type: "shutdown" });
      const timer = setTimeout(() => channel.kill(), graceMs);
      await exited.promise;
      clearTimeout(timer);
    },
  };
  const channel = open(options, { onMessage, onExit });
  const { engine, heartbeatIntervalMs, needsSelfTest, keptExecutor } = options;
  channel.send({
    type: "start",
    options: engine,
    heartbeatIntervalMs,
    memory: options.grantedMemory(),
    needsSelfTest,
    keptExecutor,
  });
  return launch;
}

/** Starts a process; if that throws, the exit is reported as for one that was started. */
function open(
  { startProcess, onOutput }: EngineLaunchOptions,
  listeners: {
    readonly onMessage: (message: EngineMessage) => void;
    readonly onExit: (exit: EngineExit) => void;
  },
): EngineChannel {
  try {
    return startProcess({ onOutput, ...listeners });
  } catch (error) {
    const outputTail = [error instanceof Error ? error.message : String(error)];
    const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
    const startErrorCode = typeof code === "string" ? code : undefined;
    setImmediate(() =>
      listeners.onExit({ exitCode: undefined, signal: undefined, startErrorCode, outputTail }),
    );
    return { pid: undefined, send: () => false, kill: () => undefined };
  }
}
