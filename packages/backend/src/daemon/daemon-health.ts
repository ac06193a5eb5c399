import {
  createHealthChecker,
  startHealthMonitor,
  type HealthCheck,
  type HealthChecker,
  type HealthStatus,
} from "@infernode/health";
import type { EngineSupervisor } from "../models/local/engine-supervisor.ts";
import type { EngineState } from "../models/model-service.ts";
import type { ItemStore } from "../store/item-store.ts";
import type { EventBus } from "../events/event-bus.ts";

/** Readiness and liveness of the daemon. While one model can be used, a failure of another one is a degradation. */
export interface DaemonHealth extends Disposable {
  /** Unhealthy while no model can be used: all are loading, restarting, draining or stalled. */
  readonly readiness: HealthChecker;
  /** Unhealthy when every engine has failed, or hangs and could not be killed: the daemon needs a restart. */
  readonly liveness: HealthChecker;
  dispose(): void;
}

/** What the checks read of an engine. */
export type ObservedEngine = Pick<
  EngineSupervisor,
  "id" | "state" | "reasons" | "heartbeat" | "stallReason" | "hangAfterMs"
>;

export interface DaemonHealthOptions {
  readonly engines: readonly ObservedEngine[];
  readonly events: EventBus;
  /** [nothing is stored] */
  readonly store?: (() => Pick<ItemStore, "stats" | "file"> | undefined) | undefined;
  /** After this long without progress an engine is not ready. */
  readonly stallAfterMs: number;
  readonly onError: (error: unknown) => void;
}

const healthy: HealthStatus = { status: "healthy", reasons: [] };

/** Creates readiness and liveness, and checks both several times within `stallAfterMs`. */
export function createDaemonHealth(options: DaemonHealthOptions): DaemonHealth {
  const { engines, events, stallAfterMs, store } = options;
  const ready = engines.map((engine) => [
    stateCheck(engine, (state) => state === "ready"),
    progressCheck(engine, stallAfterMs),
  ]);
  const alive = engines.map((engine) => {
    // Longer than `hangAfterMs`: the supervisor restarts a hung engine, the daemon needs no restart for it.
    const unrecoverableAfterMs = Math.max(stallAfterMs, 2 * engine.hangAfterMs);
    return [stateCheck(engine, (state) => state !== "failed"), progressCheck(engine, unrecoverableAfterMs)];
  });
  const ids = engines.map(({ id }) => id);
  const details = engines.map((engine) => [inferenceCheck(engine), memoryCheck(engine)]);
  const readiness = createHealthChecker({
    name: "ready",
    checks: [...degradeAlone(ids, ready), ...nameByModel(ids, details), storeCheck(() => store?.())],
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

/** Unhealthy in the states that are not `isUsable`. */
function stateCheck(engine: ObservedEngine, isUsable: (state: EngineState) => boolean): HealthCheck {
  return {
    name: "engine",
    check: () => (isUsable(engine.state) ? healthy : { status: "unhealthy", reasons: engine.reasons() }),
  };
}

/** Checks a ready engine: the times to load and to drain have their own limits. */
function progressCheck(engine: ObservedEngine, limitMs: number): HealthCheck {
  return {
    name: "progress",
    check: () => {
      const reason = engine.state === "ready" ? engine.stallReason(limitMs) : undefined;
      return reason === undefined ? healthy : { status: "unhealthy", reasons: [reason] };
    },
  };
}

/** Whether the last step succeeded, as the engine process reports it. */
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

/** Degraded while the last write to the store has failed: answers are sent, and not stored. */
function storeCheck(store: () => Pick<ItemStore, "stats" | "file"> | undefined): HealthCheck {
  return {
    name: "store",
    check: () => {
      const opened = store();
      const failure = opened?.stats().lastFailure;
      if (failure === undefined) return healthy;
      return { status: "degraded", reasons: [`the store ${opened?.file ?? "in memory"}: ${failure}`] };
    },
  };
}

/** Lists the checks of all models; if there are several models, the names of their checks begin with the model. */
function nameByModel(ids: readonly string[], checks: readonly (readonly HealthCheck[])[]): HealthCheck[] {
  if (ids.length === 1) return checks.flat();
  return checks.flatMap((ofModel, index) =>
    ofModel.map((own) => ({ name: `${ids[index]}/${own.name}`, check: () => own.check() })),
  );
}

/** Reports an unhealthy model as degraded while another one is usable. */
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
