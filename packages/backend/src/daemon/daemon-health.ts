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

/** What the daemon says of itself. */
export interface DaemonHealth extends Disposable {
  /** Unhealthy while loading, restarting, draining or stalled: send no requests. */
  readonly readiness: HealthChecker;
  /** Unhealthy when the engine is given up, or hangs and could not be ended: start the process again. */
  readonly liveness: HealthChecker;
  dispose(): void;
}

export interface DaemonHealthOptions {
  readonly engine: Pick<EngineSupervisor, "state" | "reasons" | "stats" | "vitals" | "silentMs">;
  readonly events: EventBus;
  /** From then on it is not ready. */
  readonly stallAfterMs: number;
  /** From then on the supervisor ends the engine process. */
  readonly hangAfterMs: number;
  readonly onError: (error: unknown) => void;
}

const healthy: HealthStatus = { status: "healthy", reasons: [] };

/** Creates readiness and liveness, and looks at both a few times in `stallAfterMs`. */
export function createDaemonHealth(options: DaemonHealthOptions): DaemonHealth {
  const { engine, events, stallAfterMs } = options;
  // Longer than a hung engine has: the supervisor starts it again, and not whoever watches this process.
  const helplessAfterMs = Math.max(stallAfterMs, 2 * options.hangAfterMs);
  const progress = (limitMs: number): HealthCheck =>
    createProgressCheck({
      hasWork: () => hasWork(engine.stats()),
      stepCount: () => {
        const stats = engine.stats();
        return stats === undefined ? undefined : progressOf(stats);
      },
      stallAfterMs: limitMs,
      describeWork: () => {
        const stats = engine.stats();
        return `${stats?.runningSequenceCount ?? 0} answers running and ${stats?.waitingRequestCount ?? 0} requests waiting`;
      },
    });
  const checkAnswers = (limitMs: number): HealthStatus => {
    const silentMs = engine.silentMs() ?? 0;
    if (silentMs < limitMs) return healthy;
    return {
      status: "unhealthy",
      reasons: [`the engine process has said nothing for ${Math.round(silentMs)} ms`],
    };
  };
  const engineReady: HealthCheck = {
    name: "engine",
    check: () =>
      engine.state === "ready"
        ? checkAnswers(stallAfterMs)
        : { status: "unhealthy", reasons: engine.reasons() },
  };
  // What the engine process says of its last step.
  const inference: HealthCheck = { name: "inference", check: () => engine.vitals()?.health ?? healthy };
  const memory: HealthCheck = {
    name: "memory",
    check: () => {
      const pressed = engine.vitals()?.ledger.devices.filter(({ pressure }) => pressure !== "normal") ?? [];
      if (pressed.length === 0) return healthy;
      const reasons = pressed.map(
        ({ deviceId, pressure, measuredBytes, limitBytes }) =>
          `memory on ${deviceId} is ${pressure}: ${measuredBytes} of ${limitBytes} bytes`,
      );
      return { status: "degraded", reasons };
    },
  };
  const engineAlive: HealthCheck = {
    name: "engine",
    check: () => {
      if (engine.state === "failed") return { status: "unhealthy", reasons: engine.reasons() };
      // A process that loads says nothing; its time is limited by the start timeout.
      return engine.state === "ready" ? checkAnswers(helplessAfterMs) : healthy;
    },
  };
  const readiness = createHealthChecker({
    name: "ready",
    checks: [engineReady, progress(stallAfterMs), inference, memory],
    events,
  });
  const liveness = createHealthChecker({
    name: "live",
    checks: [engineAlive, progress(helplessAfterMs)],
    events,
  });
  const intervalMs = Math.min(1000, stallAfterMs / 4);
  const monitors = [readiness, liveness].map((checker) =>
    startHealthMonitor({ checker, intervalMs, onError: options.onError }),
  );
  const dispose = (): void => {
    for (const monitor of monitors) monitor.dispose();
  };
  return { readiness, liveness, dispose, [Symbol.dispose]: dispose };
}
