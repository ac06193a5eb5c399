import { isExecutorName } from "../../config/executor-names.ts";
import { BackendError, EngineRequestError } from "../../errors.ts";
import type { InfernodeEventSink } from "../../events/event-bus.ts";
import type { UnlabelledSink } from "../../events/label-events.ts";
import type { CallTable, CrashOutcome } from "./call-table.ts";
import { hostBytesOf } from "../memory-budget.ts";
import type { KeptExecutor } from "../engine/choose-executor.ts";
import type { VerifyGpu } from "../gpu/gpu-verifier.ts";
import type { LocalModel } from "../model-service.ts";
import {
  describeExit,
  launchEngine,
  type BatchMessage,
  type EngineLaunch,
  type EngineLaunchOptions,
  type ReadyMessage,
} from "./engine-launch.ts";
import type { EngineLifecycle } from "./engine-lifecycle.ts";
import type { EngineExit } from "./fork-engine.ts";
import { type StartShortage, startShortageOf } from "./start-shortage.ts";

const maxRestartDelayMs = 30_000;

/** Doubles with each crash in a row, or each failed attempt. */
function restartDelayMs(crashCount: number, firstMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(Math.max(crashCount - 1, 0), 30), maxRestartDelayMs);
}

/** How often the first start is retried while the system lacks resources for a process. */
const maxFirstStarts = 5;

/** A process that is started again computes as the one before it, and not on another device that would be slower. */
function keptExecutor(model: LocalModel | undefined): KeptExecutor | undefined {
  if (model === undefined || !isExecutorName(model.executor)) return undefined;
  return { name: model.executor, reason: model.executorReason };
}

/** What calls fail with in place of a crash, where a process ended because its device was lost. */
function deviceLossOf(failure: BackendError | undefined): EngineRequestError | undefined {
  const cause = failure?.cause;
  return cause instanceof EngineRequestError && cause.code === "DEVICE_LOST" ? cause : undefined;
}

export interface EngineRunnerOptions {
  /** How each process is started. */
  readonly launch: Omit<
    EngineLaunchOptions,
    | "needsSelfTest"
    | "keptExecutor"
    | "onLoadProgress"
    | "onReady"
    | "onBatch"
    | "onDrained"
    | "onHung"
    | "onExit"
  >;
  /** Delay before the first restart; doubles up to 30 s. */
  readonly firstRestartDelayMs: number;
  readonly lifecycle: EngineLifecycle;
  readonly calls: CallTable;
  /** Receives the events of the engine process, which are labelled already. */
  readonly forwardTo: InfernodeEventSink;
  readonly events: UnlabelledSink;
  readonly onReady: (model: LocalModel) => void;
  /** Called when running calls have finished, or the process has ended. */
  readonly onDrained: () => void;
  readonly onFailed: (error: BackendError) => void;
}

/** Runs one engine process, and starts the next one when it ends, as long as the lifecycle allows. */
export interface EngineRunner {
  readonly process: EngineLaunch | undefined;
  /** From the latest process that became ready. */
  readonly served: ReadyMessage | undefined;
  /** How long that one took to become ready. */
  readonly startMs: number;
  readonly restartCount: number;
  launch(): void;
  /** Starts no further process. */
  cancelRestart(): void;
}

/** Creates a runner; the first process starts with `launch`. */
export function createEngineRunner(options: EngineRunnerOptions): EngineRunner {
  const { lifecycle, calls, events, forwardTo } = options;
  const { clock } = options.launch;
  let current: EngineLaunch | undefined;
  let served: ReadyMessage | undefined;
  let startMs = 0;
  let crashedAtMs = 0;
  let restartCount = 0;
  let restartTimer: NodeJS.Timeout | undefined;
  /** Attempts in a row that started no process. */
  let failedStartCount = 0;

  const fail = (error: BackendError): void => {
    calls.failAll(new BackendError("ENGINE_UNAVAILABLE", error.message, { cause: error }));
    lifecycle.fail(error.message);
    options.onFailed(error);
  };

  const reportStart = (isFirst: boolean, model: LocalModel): void => {
    const pid = current?.pid;
    if (!isFirst) {
      restartCount += 1;
      const downMs = Math.round(clock.now() - crashedAtMs);
      events.emit("backend:engine-restarted", { pid, restartCount, downMs });
      return;
    }
    events.emit("backend:model-loaded", {
      parameterCount: model.parameterCount,
      contextTokens: model.contextTokens,
      executor: model.executor,
      executorReason: model.executorReason,
      productPrecision: model.memoryPlan.productPrecision,
      productLibrary: model.memoryPlan.productLibrary,
      device: model.device,
      quantization: model.quantization,
      totalBytes: model.memoryPlan.totalBytes,
      hostBytes: hostBytesOf(model.memoryPlan),
    });
    events.emit("backend:engine-started", { pid, startMs: Math.round(startMs) });
  };
  const onReady = (message: ReadyMessage): void => {
    const isFirst = served === undefined;
    failedStartCount = 0;
    served = message;
    startMs = current?.startMs ?? 0;
    reportStart(isFirst, message.model);
    if (lifecycle.isEnding) return;
    lifecycle.becomeReady();
    calls.replay();
    options.onReady(message.model);
  };
  const onBatch = (message: BatchMessage): void => {
    for (const event of message.events) forwardTo.emit(...event);
    for (const [callId, event] of message.callEvents) calls.deliver(callId, event);
    for (const [callId, error] of message.callEnds) calls.end(callId, error);
  };
  const onHung = (launch: EngineLaunch): void => {
    events.emit("backend:engine-hung", {
      pid: launch.pid,
      silentMs: Math.round(launch.silentMs()),
      runningSequenceCount: launch.stats?.runningSequenceCount ?? 0,
      waitingRequestCount: launch.stats?.waitingRequestCount ?? 0,
    });
  };

  const verifyGpu: VerifyGpu = async (identity) => {
    lifecycle.occupy(`the kernels are checked on the GPU ${identity.name} before the model is loaded`);
    const verdict = await options.launch.verifyGpu(identity);
    lifecycle.occupy(undefined);
    return verdict;
  };
  const launch = (): void => {
    current = launchEngine({
      ...options.launch,
      needsSelfTest: served !== undefined,
      keptExecutor: keptExecutor(served?.model),
      verifyGpu,
      onLoadProgress: ({ doneBytes, totalBytes }) =>
        events.emit("backend:weights-quantizing", { doneBytes, totalBytes }),
      onReady,
      onBatch,
      onDrained: options.onDrained,
      onHung,
      onExit: (ended, exit, cause) => {
        options.onDrained();
        onExit(ended, exit, cause);
        current = undefined;
      },
    });
  };

  const relaunch = (attemptCount: number): number => {
    const delayMs = restartDelayMs(attemptCount, options.firstRestartDelayMs);
    restartTimer = setTimeout(launch, delayMs);
    return delayMs;
  };
  /** Not a crash: the system lacks resources for a process now. Only a first start fails, after several attempts. */
  const postpone = (shortage: StartShortage): void => {
    failedStartCount += 1;
    const { code, reason } = shortage;
    if (served === undefined && failedStartCount > maxFirstStarts) {
      return fail(new BackendError("ENGINE_START_FAILED", reason));
    }
    lifecycle.postpone(reason);
    const retryInMs = relaunch(failedStartCount);
    events.emit("backend:engine-start-postponed", { code, reason, failedStartCount, retryInMs });
  };
  const handleCrash = (error: Error): CrashOutcome =>
    lifecycle.state === "ready"
      ? calls.handleCrash(error)
      : // No waiting call was sent to a process that failed to start.
        { failedRequestCount: 0, replayedRequestCount: calls.size, isAttributed: false };

  const onExit = (ended: EngineLaunch, exit: EngineExit, cause: BackendError | undefined): void => {
    const { state } = lifecycle;
    const message = cause?.message ?? `the engine process ended ${describeExit(exit)}`;
    const error = new BackendError("ENGINE_CRASHED", message, { cause });
    const callError = deviceLossOf(cause) ?? error;
    if (lifecycle.isEnding) return calls.failAll(callError);
    const shortage = startShortageOf(exit);
    if (shortage !== undefined) return postpone(shortage);
    // An error of the engine or an exit code would come again; a signal may not.
    if (state === "starting" && (cause !== undefined || exit.signal === undefined)) {
      return fail(
        cause ??
          new BackendError(
            "ENGINE_START_FAILED",
            `expected the engine process to become ready, got its end ${describeExit(exit)}`,
          ),
      );
    }
    if (state === "ready") crashedAtMs = clock.now();
    const { hasServed } = calls;
    const { isAttributed, ...counts } = handleCrash(callError);
    const mayRestart = lifecycle.crash({ hasServed, isAttributed, cause: cause?.message });
    const { exitCode, signal } = exit;
    events.emit("backend:engine-crashed", { pid: ended.pid, exitCode, signal, reason: message, ...counts });
    if (!mayRestart) {
      const reason = `the engine crashed ${lifecycle.crashCount} times in a row: ${message}`;
      return fail(new BackendError("ENGINE_START_FAILED", reason, { cause: error }));
    }
    relaunch(lifecycle.crashCount);
  };

  return {
    get process() {
      return current;
    },
    get served() {
      return served;
    },
    get startMs() {
      return startMs;
    },
    get restartCount() {
      return restartCount;
    },
    launch,
    cancelRestart: () => clearTimeout(restartTimer),
  };
}
