import type { ClockPort, EngineLabels } from "@infernode/inference";
import { defaultHangAfterMs, engineDefaults } from "../../config/engine-defaults.ts";
import { BackendError } from "../../errors.ts";
import { modelNameOf } from "@infernode/models/names";
import type { InfernodeEventSink } from "../../events/event-bus.ts";
import { labelEvents } from "../../events/label-events.ts";
import { createResolvers } from "../../create-resolvers.ts";
import { createCallTable } from "./call-table.ts";
import { defaultCacheDirectory } from "../cache/cache-directory.ts";
import { createGpuVerifier, type VerifyGpu } from "../gpu/gpu-verifier.ts";
import { reportVerifications } from "../gpu/report-verifications.ts";
import { createMemoryBudget, type MemoryShare } from "../memory-budget.ts";
import { deferIteration } from "../../iteration/defer-iteration.ts";
import { hostBytesOf } from "../memory-budget.ts";
import type { LocalModel } from "../model-service.ts";
import { assertServes, statusOf, type EngineClient } from "../engine/engine-client.ts";
import type { EngineCoreOptions, EngineHeartbeat } from "../engine/engine-core.ts";
import { createEngineRunner } from "./engine-runner.ts";
import { createEngineLifecycle } from "./engine-lifecycle.ts";
import { forkEngine, type StartEngineProcess } from "./fork-engine.ts";

/** What `createEngineSupervisor` takes. Defaults in brackets. */
export interface EngineSupervisorOptions {
  readonly engine: EngineCoreOptions;
  readonly events: InfernodeEventSink;
  /** [the default of `engine.startTimeoutMs`] */
  readonly startTimeoutMs?: number;
  /** A process that has work and makes no step, or sends no message, for this long is killed. [by `maxTokensPerStep`] */
  readonly hangAfterMs?: number | undefined;
  /** Consecutive crashes after which the engine has failed. [the default of `engine.maxRestarts`] */
  readonly maxRestarts?: number;
  /** How often the engine process sends its health and statistics at least. [250] */
  readonly heartbeatIntervalMs?: number;
  /** Delay before the first restart; doubles up to 30 s. [100] */
  readonly firstRestartDelayMs?: number;
  /** A crash of a process that was ready for this long is counted as the first one. [60000] */
  readonly stableAfterMs?: number;
  /** Time for a process to exit before it is killed. [3000] */
  readonly exitGraceMs?: number;
  /** The model's share of the memory. [all that is free] */
  readonly memory?: MemoryShare;
  /** Says whether a GPU computes what it should. [checked in a process of its own] */
  readonly verifyGpu?: VerifyGpu;
  /** Called with each line that the engine process writes. */
  readonly onOutput?: (line: string) => void;
  readonly clock?: ClockPort;
  /** [forks a child of this process] */
  readonly startProcess?: StartEngineProcess;
}

/** An engine in its own process, which is restarted when it crashes. */
export interface EngineSupervisor extends EngineClient {
  /** Labels of its events and metrics. */
  readonly labels: EngineLabels;
  /** Of the current process. */
  readonly pid: number | undefined;
  /** Runtime, version, threads; known once ready. */
  readonly description: string | undefined;
  readonly restartCount: number;
  /** After how long without progress it is killed. */
  readonly hangAfterMs: number;
  /** The latest heartbeat; `undefined` while there is no process. */
  heartbeat(): EngineHeartbeat | undefined;
  /** Since the process sent its last message; `undefined` while there is none. */
  silentMs(): number | undefined;
  /** Says what is missing when the process has made no progress for so long: messages, or steps for its work. */
  stallReason(limitMs: number): string | undefined;
  /**
   * Starts it; resolves when it is ready.
   * @throws BackendError `MODEL_NOT_FOUND`, `MODEL_LOAD_FAILED`, `ENGINE_START_FAILED`, `ENGINE_START_TIMEOUT`
   */
  start(): Promise<LocalModel>;
}

/** A hung process must not delay the errors of its calls: the HTTP server closes connections soon after the drain time. */
const drainGraceMs = 250;

/** Creates a supervisor; nothing runs before `start`. */
export function createEngineSupervisor(options: EngineSupervisorOptions): EngineSupervisor {
  const { engine, clock = performance, exitGraceMs = 3000, heartbeatIntervalMs = 250 } = options;
  const { hangAfterMs = defaultHangAfterMs(engine.maxTokensPerStep) } = options;
  const id = engine.modelName ?? modelNameOf(engine.modelDirectory);
  const labels = { model: id, engine: engine.engineId ?? "0" };
  const events = labelEvents(options.events, labels);
  const lifecycle = createEngineLifecycle({
    maxRestarts: options.maxRestarts ?? engineDefaults.maxRestarts,
    stableAfterMs: options.stableAfterMs ?? 60_000,
    clock,
    onChange: (from, to) =>
      events.emit("backend:engine-state-changed", { from, to, reasons: lifecycle.reasons() }),
  });
  const calls = createCallTable({
    // A process that is loading gets its calls when it is ready.
    send: (message) => runner.process?.isReady === true && runner.process.send(message),
    isAnswering: () =>
      runner.process?.isReady === true && runner.process.silentMs() < 4 * heartbeatIntervalMs,
    limits: () => ({
      requests: engine.maxQueuedRequests + (runner.served?.model.memoryPlan.maxSequences ?? 0),
      tokens: engine.maxQueuedTokens,
      // By then the next process may be ready.
      retryAfterMs: Math.min(Math.max(Math.round(runner.startMs), 1000), 60_000),
    }),
  });
  const { memory = createMemoryBudget({ modelIds: [id] }).share(id) } = options;
  const cacheDirectory = engine.cacheDirectory ?? defaultCacheDirectory(process.env);
  const verifier = createGpuVerifier({ cacheDirectory, ...reportVerifications(options.events) });
  const started = createResolvers<LocalModel>();
  started.promise.catch(() => undefined);
  let isStarted = false;
  let onDrained: (() => void) | undefined;
  const runner = createEngineRunner({
    launch: {
      startProcess: options.startProcess ?? forkEngine,
      engine,
      heartbeatIntervalMs,
      startTimeoutMs: options.startTimeoutMs ?? engineDefaults.startTimeoutMs,
      hangAfterMs,
      exitGraceMs,
      clock,
      grantedMemory: () => memory.granted(),
      reserveMemory: (demand) => memory.reserve(demand),
      verifyGpu: options.verifyGpu ?? verifier.verify,
      onOutput: (line) => options.onOutput?.(line),
    },
    firstRestartDelayMs: options.firstRestartDelayMs ?? 100,
    lifecycle,
    calls,
    forwardTo: options.events,
    events,
    onReady: (model) => {
      memory.settle(hostBytesOf(model.memoryPlan) + model.answerMemoryBytes);
      started.resolve(model);
    },
    onDrained: () => onDrained?.(),
    onFailed: (error) => {
      memory.withdraw();
      started.reject(error);
    },
  });

  const assertTakesWork = (): void => {
    const { state } = lifecycle;
    if (state !== "ready" && state !== "restarting") {
      throw new BackendError("ENGINE_UNAVAILABLE", lifecycle.reasons().join("; "));
    }
  };
  const call: EngineSupervisor["call"] = (operation, input, { modelId, signal }) =>
    deferIteration(() => {
      signal?.throwIfAborted();
      assertTakesWork();
      assertServes(supervisor, modelId);
      const calledAtMs = clock.now();
      const onFirstToken = (requestId: string): void => {
        const timeToFirstTokenMs = clock.now() - calledAtMs;
        events.emit("backend:first-token", { requestId, timeToFirstTokenMs });
      };
      return calls.open(operation, input, { signal, onFirstToken });
    });
  const drain = async (timeoutMs: number): Promise<void> => {
    const wasReady = lifecycle.state === "ready";
    lifecycle.drain();
    runner.cancelRestart();
    if (!wasReady) {
      calls.failAll(
        new BackendError(
          "ENGINE_UNAVAILABLE",
          "expected a ready engine, got one that was not ready when the daemon began to drain",
        ),
      );
      return;
    }
    // The exit of an earlier process does not end this drain.
    const drained = createResolvers<void>();
    onDrained = drained.resolve;
    calls.sendAll();
    runner.process?.send({ type: "drain", timeoutMs });
    const timer = setTimeout(drained.resolve, timeoutMs + Math.min(drainGraceMs, exitGraceMs));
    await drained.promise;
    clearTimeout(timer);
    calls.failAll(
      new BackendError(
        "ENGINE_UNAVAILABLE",
        `expected the request to finish within the drain timeout of ${timeoutMs} ms, got no end of it`,
      ),
    );
  };
  const dispose = async (): Promise<void> => {
    runner.cancelRestart();
    lifecycle.stop();
    calls.failAll(
      new BackendError("ENGINE_UNAVAILABLE", "the engine was stopped before the request finished"),
    );
    started.reject(new BackendError("ENGINE_UNAVAILABLE", "the engine was stopped before it was ready"));
    verifier.dispose();
    await runner.process?.end(exitGraceMs);
    memory.withdraw();
  };

  const supervisor: EngineSupervisor = {
    id,
    labels,
    get state() {
      return lifecycle.state;
    },
    get model() {
      return runner.served?.model;
    },
    get pid() {
      return runner.process?.pid;
    },
    get description() {
      return runner.served?.description;
    },
    get restartCount() {
      return runner.restartCount;
    },
    hangAfterMs,
    stats: () => runner.process?.stats,
    heartbeat: () => runner.process?.heartbeat,
    silentMs: () => runner.process?.silentMs(),
    stallReason: (limitMs) => runner.process?.stallReason(limitMs),
    reasons: () => lifecycle.reasons(),
    models: () => statusOf(supervisor),
    call,
    start: async () => {
      if (!isStarted && !lifecycle.isEnding) {
        isStarted = true;
        runner.launch();
      }
      return started.promise;
    },
    drain: async ({ timeoutMs }) => {
      if (!lifecycle.isEnding) await drain(timeoutMs);
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
  return supervisor;
}
