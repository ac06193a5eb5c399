import type { ClockPort, EngineStats } from "@infernode/inference";
import { BackendError } from "../errors.ts";
import type { InfernodeEventSink } from "../events/event-bus.ts";
import { createResolvers } from "./async-queue.ts";
import { createCallTable } from "./call-table.ts";
import type {
  EngineClient,
  EngineReply,
  EngineRequest,
  EngineState,
  Prompt,
  ServedModel,
} from "./engine-client.ts";
import type { EngineCoreOptions, EngineVitals } from "./engine-core.ts";
import { describeExit, launchEngine, type EngineLaunch } from "./engine-launch.ts";
import { forkEngine, type EngineExit, type StartEngineProcess } from "./fork-engine.ts";
import type { EngineMessage } from "./protocol.ts";
import { restartDelayMs } from "./restart-delay.ts";

/** What `createEngineSupervisor` takes. Defaults in brackets. */
export interface EngineSupervisorOptions {
  readonly engine: EngineCoreOptions;
  readonly events: InfernodeEventSink;
  /** [300000] */
  readonly startTimeoutMs?: number;
  /** Crashes in a row before it gives up. [5] */
  readonly maxRestarts?: number;
  /** How often the numbers come when nothing else does. [250] */
  readonly statsIntervalMs?: number;
  /** Wait before the first restart; doubles up to 30 s. [100] */
  readonly firstRestartDelayMs?: number;
  /** A process that was ready for this long starts the count of crashes anew. [60000] */
  readonly stableAfterMs?: number;
  /** Time for a process to end by itself. [3000] */
  readonly exitGraceMs?: number;
  /** Told of each line that the engine process writes. */
  readonly onOutput?: (line: string) => void;
  readonly clock?: ClockPort;
  /** [forks a child of this process] */
  readonly startProcess?: StartEngineProcess;
}

/** An engine in a process of its own, started again when it crashes. */
export interface EngineSupervisor extends EngineClient {
  /** Of the present process. */
  readonly pid: number | undefined;
  /** Runtime, version, threads; known once ready. */
  readonly description: string | undefined;
  readonly restartCount: number;
  /** Health and memory as the process last told; `undefined` while there is none. */
  vitals(): EngineVitals | undefined;
  /** Since the process last said anything; `undefined` while there is none. */
  silentMs(): number | undefined;
  /**
   * Starts it; resolves when it is ready.
   * @throws BackendError `MODEL_NOT_FOUND`, `MODEL_LOAD_FAILED`, `ENGINE_START_FAILED`, `ENGINE_START_TIMEOUT`
   */
  start(): Promise<ServedModel>;
}

/** Creates a supervisor; nothing runs before `start`. */
export function createEngineSupervisor(options: EngineSupervisorOptions): EngineSupervisor {
  const { events, clock = performance, startProcess = forkEngine } = options;
  const { startTimeoutMs = 300_000, maxRestarts = 5, exitGraceMs = 3000 } = options;
  const calls = createCallTable((message) => current?.send(message));
  const started = createResolvers<ServedModel>();
  started.promise.catch(() => undefined);
  let state: EngineState = "starting";
  let current: EngineLaunch | undefined;
  let model: ServedModel | undefined;
  let description: string | undefined;
  let stats: EngineStats | undefined;
  let vitals: EngineVitals | undefined;
  let failure: BackendError | undefined;
  let isStarted = false;
  let spawnedAtMs = 0;
  let readyAtMs = 0;
  let crashedAtMs = 0;
  let heardAtMs = 0;
  let crashCount = 0;
  let restartCount = 0;
  let restartTimer: NodeJS.Timeout | undefined;
  let onDrained: (() => void) | undefined;

  const setState = (to: EngineState): void => {
    if (to === state) return;
    const from = state;
    state = to;
    events.emit("backend:engine-state-changed", { from, to });
  };
  const isEnding = (): boolean => state === "draining" || state === "stopped" || state === "failed";

  const giveUp = (error: BackendError): void => {
    failure = error;
    calls.failAll(new BackendError("ENGINE_UNAVAILABLE", error.message, { cause: error }));
    setState("failed");
    started.reject(error);
  };

  const onReady = (message: Extract<EngineMessage, { type: "ready" }>): void => {
    const now = clock.now();
    heardAtMs = now;
    readyAtMs = now;
    const isFirst = model === undefined;
    ({ model, description } = message);
    if (isFirst) {
      events.emit("backend:model-loaded", {
        model: model.id,
        parameterCount: model.parameterCount,
        contextTokens: model.contextTokens,
        executor: model.executor,
        totalBytes: model.memoryPlan.totalBytes,
      });
      events.emit("backend:engine-started", { pid: current?.pid, startMs: Math.round(now - spawnedAtMs) });
    } else {
      restartCount++;
      events.emit("backend:engine-restarted", {
        pid: current?.pid,
        restartCount,
        downMs: Math.round(now - crashedAtMs),
      });
    }
    if (isEnding()) return;
    setState("ready");
    calls.replay();
    started.resolve(message.model);
  };

  const onMessage = (message: Exclude<EngineMessage, { type: "ready" }>): void => {
    heardAtMs = clock.now();
    if (message.type === "drained") onDrained?.();
    if (message.type !== "batch") return;
    stats = message.stats;
    vitals = message.vitals ?? vitals;
    for (const event of message.events) events.emit(...event);
    for (const [callId, reply] of message.replies) calls.deliver(callId, reply);
  };

  const launch = (): void => {
    spawnedAtMs = clock.now();
    heardAtMs = spawnedAtMs;
    const mine = launchEngine({
      startProcess,
      engine: options.engine,
      statsIntervalMs: options.statsIntervalMs ?? 250,
      startTimeoutMs,
      onReady,
      onMessage,
      onOutput: (line) => options.onOutput?.(line),
      onExit: (exit, cause) => {
        current = undefined;
        onExit({ pid: mine.pid, exit, cause });
        stats = undefined;
        vitals = undefined;
      },
    });
    current = mine;
  };

  const onExit = (end: {
    readonly pid: number | undefined;
    readonly exit: EngineExit;
    readonly cause: BackendError | undefined;
  }): void => {
    const { pid, exit, cause } = end;
    onDrained?.();
    if (isEnding()) {
      calls.failAll(new BackendError("ENGINE_CRASHED", `the engine process ended ${describeExit(exit)}`));
      return;
    }
    if (state === "starting") {
      giveUp(
        cause ??
          new BackendError(
            "ENGINE_START_FAILED",
            `the engine process ended while it started, ${describeExit(exit)}`,
          ),
      );
      return;
    }
    const now = clock.now();
    if (state === "ready") {
      if (now - readyAtMs >= (options.stableAfterMs ?? 60_000)) crashCount = 0;
      crashedAtMs = now;
    }
    crashCount++;
    const error = new BackendError("ENGINE_CRASHED", `the engine process ended ${describeExit(exit)}`, {
      cause,
    });
    // Calls that wait for a restart have not been seen by the process that failed to start.
    const { failedCount, replayedCount } =
      state === "ready" ? calls.settleCrash(error) : { failedCount: 0, replayedCount: calls.size };
    setState("restarting");
    events.emit("backend:engine-crashed", {
      pid,
      exitCode: exit.exitCode,
      signal: exit.signal,
      failedRequestCount: failedCount,
      replayedRequestCount: replayedCount,
    });
    if (crashCount > maxRestarts) {
      const reason = cause?.message ?? error.message;
      giveUp(
        new BackendError(
          "ENGINE_START_FAILED",
          `the engine crashed ${crashCount} times in a row: ${reason}`,
          {
            cause: error,
          },
        ),
      );
      return;
    }
    restartTimer = setTimeout(launch, restartDelayMs(crashCount, options.firstRestartDelayMs ?? 100));
  };

  const reasons = (): readonly string[] => {
    switch (state) {
      case "ready":
        return [];
      case "starting":
        return ["the engine is loading the model"];
      case "restarting":
        return [
          `the engine crashed and is started again (crash ${crashCount} of at most ${maxRestarts} in a row)`,
        ];
      case "draining":
        return ["the daemon is draining: running work finishes, new work is refused"];
      case "stopped":
        return ["the engine was stopped"];
      case "failed":
        return [failure?.message ?? "the engine failed"];
    }
  };
  const assertReady = (): void => {
    if (state !== "ready") throw new BackendError("ENGINE_UNAVAILABLE", reasons().join("; "));
  };

  const dispose = async (): Promise<void> => {
    clearTimeout(restartTimer);
    if (state !== "failed") setState("stopped");
    calls.failAll(
      new BackendError("ENGINE_UNAVAILABLE", "the engine was stopped before the request finished"),
    );
    started.reject(new BackendError("ENGINE_UNAVAILABLE", "the engine was stopped before it was ready"));
    await current?.end(exitGraceMs);
  };

  return {
    get state() {
      return state;
    },
    get model() {
      return model;
    },
    get pid() {
      return current?.pid;
    },
    get description() {
      return description;
    },
    get restartCount() {
      return restartCount;
    },
    stats: () => stats,
    vitals: () => vitals,
    silentMs: () => (current === undefined ? undefined : clock.now() - heardAtMs),
    reasons,
    start: async () => {
      if (!isStarted) {
        isStarted = true;
        launch();
      }
      return started.promise;
    },
    async *generate(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineReply> {
      signal.throwIfAborted();
      assertReady();
      const { queue } = calls.generate(request);
      const onAbort = (): void => queue.cancel(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        yield* queue;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    tokenize: async (prompt: Prompt) => {
      assertReady();
      for await (const tokenIds of calls.tokenize(prompt).queue) return tokenIds;
      throw new BackendError("ENGINE_PROTOCOL", "the engine ended a call without an answer");
    },
    drain: async ({ timeoutMs }) => {
      if (isEnding()) return;
      const wasReady = state === "ready";
      setState("draining");
      clearTimeout(restartTimer);
      if (!wasReady) {
        calls.failAll(
          new BackendError("ENGINE_UNAVAILABLE", "the daemon is draining and the engine is not ready"),
        );
        return;
      }
      // Made here: the end of an earlier process is no end of this drain.
      const drained = createResolvers<void>();
      onDrained = drained.resolve;
      current?.send({ type: "drain", timeoutMs });
      const timer = setTimeout(drained.resolve, timeoutMs + exitGraceMs);
      await drained.promise;
      clearTimeout(timer);
      calls.failAll(
        new BackendError(
          "ENGINE_UNAVAILABLE",
          `the request did not finish within the drain time of ${timeoutMs} ms`,
        ),
      );
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
