import {
  createHealthChecker,
  startHealthMonitor,
  type HealthCheck,
  type HealthChecker,
  type HealthStatus,
} from "@infernode/health";
import type { EngineSupervisor } from "../models/local/engine-supervisor.ts";
import type { EngineState } from "../models/model-service.ts";
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
export type ObservedEngine = Pick<
  EngineSupervisor,
  "id" | "state" | "reasons" | "heartbeat" | "stallReason" | "hangAfterMs"
>;

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
  const ready = engines.map((engine) => [
    stateCheck(engine, (state) => state === "ready"),
    progressCheck(engine, stallAfterMs),
  ]);
  const alive = engines.map((engine) => {
    // Longer than a hung engine has: the supervisor starts it again, and not whoever watches this process.
    const unrecoverableAfterMs = Math.max(stallAfterMs, 2 * engine.hangAfterMs);
    return [stateCheck(engine, (state) => state !== "failed"), progressCheck(engine, unrecoverableAfterMs)];
  });
  const ids = engines.map(({ id }) => id);
  const details = engines.map((engine) => [inferenceCheck(engine), memoryCheck(engine)]);
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

/** Whether the engine's state lets requests through; `isUsable` says of which states that is true. */
function stateCheck(engine: ObservedEngine, isUsable: (state: EngineState) => boolean): HealthCheck {
  return {
    name: "engine",
    check: () => (isUsable(engine.state) ? healthy : { status: "unhealthy", reasons: engine.reasons() }),
  };
}

/** Judges a ready engine: the time that one takes to load or to drain is limited elsewhere. */
function progressCheck(engine: ObservedEngine, limitMs: number): HealthCheck {
  return {
    name: "progress",
    check: () => {
      const reason = engine.state === "ready" ? engine.stallReason(limitMs) : undefined;
      return reason === undefined ? healthy : { status: "unhealthy", reasons: [reason] };
    },
  };
}

/** What the engine process reports of its last step. */
function inferenceCheck(engine: ObservedEngine): HealthCheck {
  return { name: "inference", check: () => engine.heartbeat()?.health ?? healthy };
}

function memoryCheck(engine: ObservedEngine): HealthCheck {
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
