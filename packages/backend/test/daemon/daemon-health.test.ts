import { afterEach, expect, test } from "vitest";
import {
  createDaemonHealth,
  type DaemonHealth,
  type ObservedEngine,
} from "../../src/daemon/daemon-health.ts";
import type { ModelStats } from "../../src/models/model-service.ts";
import { createEventBus, type EventBus } from "../../src/events/event-bus.ts";
import { createFakeCore } from "../support/fake-core.ts";

type Engine = ObservedEngine["engine"];

const open: DaemonHealth[] = [];
afterEach(() => {
  for (const health of open.splice(0)) health.dispose();
});

function createBus(): EventBus {
  return createEventBus({
    onHandlerError: (error) => {
      throw error;
    },
  });
}

const core = createFakeCore(createBus());

function engineWith(parts: Partial<Engine>): Engine {
  return {
    id: "tiny",
    state: "ready",
    reasons: () => [],
    stats: () => core.stats(),
    heartbeat: () => core.heartbeat(),
    silentMs: () => 0,
    ...parts,
  };
}

function statsWith(parts: Partial<ModelStats>): () => ModelStats {
  return () => ({ ...core.stats(), ...parts });
}

function setUp(
  engine: Engine,
  {
    stallAfterMs = 60_000,
    hangAfterMs = 10 * stallAfterMs,
    others = [],
  }: {
    readonly stallAfterMs?: number;
    readonly hangAfterMs?: number;
    readonly others?: readonly Engine[];
  } = {},
): { readonly health: DaemonHealth; readonly events: EventBus } {
  const events = createBus();
  const health = createDaemonHealth({
    engines: [engine, ...others].map((each) => ({ engine: each, hangAfterMs })),
    events,
    stallAfterMs,
    onError: (error) => {
      throw error;
    },
  });
  open.push(health);
  return { health, events };
}

test("is ready and alive when the engine is", async () => {
  const { health } = setUp(engineWith({}));
  expect((await health.readiness.report()).status).toBe("healthy");
  expect((await health.liveness.report()).status).toBe("healthy");
});

test("is alive but not ready while the engine loads, restarts or drains, however long it is silent", async () => {
  for (const state of ["starting", "restarting", "draining"] as const) {
    const { health } = setUp(engineWith({ state, reasons: () => [`it is ${state}`], silentMs: () => 1e9 }));
    expect(await health.readiness.report()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringContaining(`it is ${state}`)],
    });
    expect((await health.liveness.report()).status).toBe("healthy");
  }
});

test("is neither when the engine has failed, or says nothing for longer than the supervisor lets it", async () => {
  const failed = setUp(engineWith({ state: "failed", reasons: () => ["it gave up"] })).health;
  const silent = setUp(engineWith({ silentMs: () => 1_200_000 })).health;
  for (const checker of [failed.readiness, failed.liveness, silent.readiness, silent.liveness]) {
    expect((await checker.report()).status).toBe("unhealthy");
  }
  expect((await silent.liveness.report()).reasons[0]).toContain("1200000 ms");
});

test("is alive but not ready while the supervisor has yet to end a silent engine", async () => {
  const { health } = setUp(engineWith({ silentMs: () => 61_000 }));
  expect((await health.readiness.report()).reasons[0]).toContain("61000 ms");
  expect((await health.liveness.report()).status).toBe("healthy");
});

test("is not ready when there is work and no step is made, and not alive when that cannot be helped", async () => {
  const stalled = engineWith({ stats: statsWith({ runningSequenceCount: 2, stepCount: 7 }) });
  const { events } = setUp(stalled, { stallAfterMs: 100, hangAfterMs: 150 });
  const heard: string[] = [];
  const reasons = await new Promise<readonly string[]>((resolve) => {
    events.on("health:status-changed", ({ checker, status, reasons: why }) => {
      if (status !== "unhealthy") return;
      heard.push(checker);
      if (checker === "live") resolve(why);
    });
  });
  expect(heard).toEqual(["ready", "live"]);
  expect(reasons[0]).toContain("2 answers running");
});

test("is degraded when memory is short or a step failed, and says both", async () => {
  const heartbeat = core.heartbeat();
  const device = {
    deviceId: "cpu",
    limitBytes: 100,
    pressure: "high",
    plannedBytes: 0,
    measuredBytes: 90,
    peakBytes: 90,
    models: [],
  } as const;
  const { health } = setUp(
    engineWith({
      heartbeat: () => ({
        ...heartbeat,
        health: { status: "degraded", reasons: ["the last step failed: no"] },
        ledger: { devices: [device], plannedBytes: 0, measuredBytes: 90 },
      }),
    }),
  );
  const report = await health.readiness.report();
  expect(report.status).toBe("degraded");
  expect(report.reasons.join()).toContain("the last step failed: no");
  expect(report.reasons.join()).toContain("90 of 100 bytes");
});

test("is degraded while one of several models cannot be used, and says which; unhealthy when none can", async () => {
  const loading = engineWith({ id: "large", state: "starting", reasons: () => ["it is loading"] });
  const failed = engineWith({ id: "broken", state: "failed", reasons: () => ["it gave up"] });
  const { health } = setUp(engineWith({}), { others: [loading, failed] });
  expect(await health.readiness.report()).toMatchObject({
    status: "degraded",
    reasons: expect.arrayContaining(["large/engine: it is loading"]),
    checks: { "tiny/engine": { status: "healthy" }, "large/engine": { status: "degraded" } },
  });
  expect((await health.liveness.report()).status).toBe("degraded");
  const none = setUp(loading, { others: [failed] }).health;
  expect((await none.readiness.report()).status).toBe("unhealthy");
  expect((await none.liveness.report()).status).toBe("degraded");
  const lost = setUp(failed, { others: [{ ...failed, id: "also broken" }] }).health;
  expect((await lost.liveness.report()).status).toBe("unhealthy");
});
