import { afterEach, expect, test } from "vitest";
import {
  createDaemonHealth,
  type DaemonHealth,
  type ObservedEngine,
} from "../../src/daemon/daemon-health.ts";
import { createEventBus, type EventBus } from "../../src/events/event-bus.ts";
import { createFakeCore } from "../support/fake-core.ts";

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

function engineWith(parts: Partial<ObservedEngine>): ObservedEngine {
  return {
    id: "tiny",
    state: "ready",
    reasons: () => [],
    heartbeat: () => core.heartbeat(),
    stallReason: () => undefined,
    hangAfterMs: 600_000,
    ...parts,
  };
}

/** An engine that has made no progress for so long. */
function stalledFor(stalledMs: number, parts: Partial<ObservedEngine> = {}): ObservedEngine {
  const stallReason = (limitMs: number): string | undefined =>
    stalledMs < limitMs ? undefined : `no step for ${stalledMs} ms`;
  return engineWith({ ...parts, stallReason });
}

function setUp(
  engine: ObservedEngine,
  {
    stallAfterMs = 60_000,
    others = [],
  }: {
    readonly stallAfterMs?: number;
    readonly others?: readonly ObservedEngine[];
  } = {},
): { readonly health: DaemonHealth; readonly events: EventBus } {
  const events = createBus();
  const health = createDaemonHealth({
    engines: [engine, ...others],
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
    const { health } = setUp(stalledFor(1e9, { state, reasons: () => [`it is ${state}`] }));
    expect(await health.readiness.report()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringContaining(`it is ${state}`)],
    });
    expect((await health.liveness.report()).status).toBe("healthy");
  }
});

test("is neither when the engine has failed, or says nothing for longer than the supervisor lets it", async () => {
  const failed = setUp(engineWith({ state: "failed", reasons: () => ["it gave up"] })).health;
  const silent = setUp(stalledFor(1_200_000)).health;
  for (const checker of [failed.readiness, failed.liveness, silent.readiness, silent.liveness]) {
    expect((await checker.report()).status).toBe("unhealthy");
  }
  expect((await silent.liveness.report()).reasons[0]).toContain("1200000 ms");
});

test.each([61_000, 1_199_999])(
  "is alive but not ready while the supervisor can still kill an engine (%i ms)",
  async (stalledMs) => {
    const { health } = setUp(stalledFor(stalledMs));
    expect((await health.readiness.report()).reasons[0]).toContain(`${stalledMs} ms`);
    expect((await health.liveness.report()).status).toBe("healthy");
  },
);

test("looks by itself: an engine that stalls is reported not ready, and not alive when it was not killed", async () => {
  let stalledMs = 0;
  const { events } = setUp(
    engineWith({
      stallReason: (limitMs) => (stalledMs < limitMs ? undefined : `no step for ${stalledMs} ms`),
      hangAfterMs: 150,
    }),
    { stallAfterMs: 100 },
  );
  const heard: string[] = [];
  const reasons = await new Promise<readonly string[]>((resolve) => {
    events.on("health:status-changed", ({ checker, status, reasons: why }) => {
      if (status === "healthy") stalledMs = 299;
      if (status !== "unhealthy") return;
      heard.push(checker);
      stalledMs = 300;
      if (checker === "live") resolve(why);
    });
  });
  expect(heard).toEqual(["ready", "live"]);
  expect(reasons).toEqual(["progress: no step for 300 ms"]);
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
