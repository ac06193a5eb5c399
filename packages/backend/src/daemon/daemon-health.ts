import {
  createHealthChecker,
  createProgressCheck,
  startHealthMonitor,
  type HealthCheck,
  type HealthChecker,
  type HealthStatus,
} from "@infernode/health";
import { hasWork, progressOf } from "../models/local/engine-progress.ts";
import type { EngineSupervisor } from "../models/local/engine-supervisor.ts";
import type { EventBus } from "../events/event-bus.ts";

/** Readiness and liveness of the daemon. While one model can be used, the trouble of others is a degradation. */
export interface DaemonHealth extends Disposable {
  /** Unhealthy while no model can be used: loading, restarting, draining or stalled. Send no requests. */
  readonly readiness: HealthChecker;
  /** Unhealthy when every engine has failed, or hangs and could not be killed: start the process again. */
  readonly liveness: HealthChecker;
  dispose(): void;
}

/** What is read of an engine. */
export interface ObservedEngine {
  readonly engine: Pick<EngineSupervisor, "id" | "state" | "reasons" | "stats" | "heartbeat" | "silentMs">;
  /** From then on the supervisor kills the engine process. */
  readonly hangAfterMs: number;
}

export interface DaemonHealthOptions {
  readonly engines: readonly ObservedEngine[];
  readonly events: EventBus;
  /** From then on an engine is not ready. */
  readonly stallAfterMs: number;
  readonly onError: (error: unknown) => void;
}

const healthy: HealthStatus = { status: "healthy", reasons: [] };

/** Creates readiness and liveness, and looks at both a few times in `stallAfterMs`. */
export function createDaemonHealth(options: DaemonHealthOptions): DaemonHealth {
  const { engines, events, stallAfterMs } = options;
  const ready = engines.map(({ engine }) => [
    readyCheck(engine, stallAfterMs),
    progress(engine, stallAfterMs),
  ]);
  const alive = engines.map(({ engine, hangAfterMs }) => {
    // Longer than a hung engine has: the supervisor starts it again, and not whoever watches this process.
    const unrecoverableAfterMs = Math.max(stallAfterMs, 2 * hangAfterMs);
    return [aliveCheck(engine, unrecoverableAfterMs), progress(engine, unrecoverableAfterMs)];
  });
  const ids = engines.map(({ engine }) => engine.id);
  const details = engines.map(({ engine }) => [inferenceCheck(engine), memoryCheck(engine)]);
  const readiness = createHealthChecker({
    name: "ready",
    checks: [...degradeAlone(ids, ready), ...nameByModel(ids, details)],
    events,
  });
  const liveness = createHealthChecker({ name: "live", checks: degradeAlone(ids, alive), events });
  const intervalMs = Math.min(1000, stallAfterMs / 4);
  const monitors = [readiness, liveness].map((checker) =>
    startHealthMonitor({ checker, intervalMs, onError: options.onError }),
  );
  const dispose = (): void => {
    for (const monitor of monitors) monitor.dispose();
  };
  return { readiness, liveness, dispose, [Symbol.dispose]: dispose };
}

type Engine = ObservedEngine["engine"];

function progress(engine: Engine, stallAfterMs: number): HealthCheck {
  return createProgressCheck({
    hasWork: () => hasWork(engine.stats()),
    stepCount: () => {
      const stats = engine.stats();
      return stats === undefined ? undefined : progressOf(stats);
    },
    stallAfterMs,
    describeWork: () => {
      const stats = engine.stats();
      return `${stats?.runningSequenceCount ?? 0} answers running and ${stats?.waitingRequestCount ?? 0} requests waiting`;
    },
  });
}

function silence(engine: Engine, limitMs: number): HealthStatus {
  const silentMs = engine.silentMs() ?? 0;
  if (silentMs < limitMs) return healthy;
  return {
    status: "unhealthy",
    reasons: [`the engine process has said nothing for ${Math.round(silentMs)} ms`],
  };
}

function readyCheck(engine: Engine, stallAfterMs: number): HealthCheck {
  return {
    name: "engine",
    check: () =>
      engine.state === "ready"
        ? silence(engine, stallAfterMs)
        : { status: "unhealthy", reasons: engine.reasons() },
  };
}

function aliveCheck(engine: Engine, unrecoverableAfterMs: number): HealthCheck {
  return {
    name: "engine",
    check: () => {
      if (engine.state === "failed") return { status: "unhealthy", reasons: engine.reasons() };
      // A process that loads says nothing; its time is limited by the start timeout.
      return engine.state === "ready" ? silence(engine, unrecoverableAfterMs) : healthy;
    },
  };
}

/** What the engine process reports of its last step. */
function inferenceCheck(engine: Engine): HealthCheck {
  return { name: "inference", check: () => engine.heartbeat()?.health ?? healthy };
}

function memoryCheck(engine: Engine): HealthCheck {
  return {
    name: "memory",
    check: () => {
      const pressed =
        engine.heartbeat()?.ledger.devices.filter(({ pressure }) => pressure !== "normal") ?? [];
      if (pressed.length === 0) return healthy;
      const reasons = pressed.map(
        ({ deviceId, pressure, measuredBytes, limitBytes }) =>
          `memory on ${deviceId} is ${pressure}: ${measuredBytes} of ${limitBytes} bytes`,
      );
      return { status: "degraded", reasons };
    },
  };
}

/** One list of the checks of all models, which are named by their model where there are several. */
function nameByModel(ids: readonly string[], checks: readonly (readonly HealthCheck[])[]): HealthCheck[] {
  if (ids.length === 1) return checks.flat();
  return checks.flatMap((ofModel, index) =>
    ofModel.map((own) => ({ name: `${ids[index]}/${own.name}`, check: () => own.check() })),
  );
}

/** Makes what is unhealthy of one model a degradation while there is another of which nothing is. */
function degradeAlone(ids: readonly string[], checks: readonly (readonly HealthCheck[])[]): HealthCheck[] {
  const isUnhealthy = async (ofModel: readonly HealthCheck[]): Promise<boolean> => {
    const found = await Promise.all(ofModel.map(async (each) => each.check()));
    return found.some(({ status }) => status === "unhealthy");
  };
  const areAllUnhealthy = async (): Promise<boolean> =>
    (await Promise.all(checks.map(isUnhealthy))).every((each) => each);
  const relative = checks.map((ofModel) =>
    ofModel.map((each): HealthCheck => ({
      name: each.name,
      check: async () => {
        const own = await each.check();
        if (own.status !== "unhealthy" || (await areAllUnhealthy())) return own;
        return { status: "degraded", reasons: own.reasons };
      },
    })),
  );
  return nameByModel(ids, relative);
}
