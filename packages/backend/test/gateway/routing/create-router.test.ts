import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KnownBackend } from "../../../src/gateway/backends/backend-table.ts";
import type { Lease, LeaseOutcome, RouteRequest } from "../../../src/gateway/router.ts";
import { createRouter } from "../../../src/gateway/routing/create-router.ts";
import type { RoutingSettings } from "../../../src/gateway/routing/router-options.ts";
import { createTable, createTestClock, known, request, settings } from "./support/create-table.ts";

const { signal } = new AbortController();

function create(backends: readonly KnownBackend[], parts: Partial<RoutingSettings> = {}) {
  const table = createTable(backends);
  const clock = createTestClock();
  const router = createRouter({ table, clock, settings: { ...settings, ...parts }, random: () => 0.3 });
  const acquire = async (asked: Partial<RouteRequest> = {}, tried: readonly string[] = []): Promise<Lease> =>
    router.acquire({ ...request, ...asked }, new Set(tried), signal);
  /** The backends of requests one after the other. */
  const idsOf = async (count: number, outcome: LeaseOutcome = "completed"): Promise<readonly string[]> => {
    const ids: string[] = [];
    for (let at = 0; at < count; at += 1) {
      const lease = await acquire();
      ids.push(lease.backend.id);
      lease.end(outcome);
    }
    return ids;
  };
  return { table, clock, router, acquire, idsOf };
}

describe("which backends may get a request", () => {
  test("healthy ones whose model is ready, by its name or an alias, that were not tried", async () => {
    const { acquire, idsOf } = create([
      known("a", ["tiny"]),
      known("b", ["tiny"], { isHealthy: false }),
      known("c", ["tiny"], { isReady: false }),
      known("d", ["other"]),
      known("e", ["tiny"]),
    ]);
    expect(await idsOf(4)).toEqual(["a", "e", "a", "e"]);
    const lease = await acquire({ model: "tiny-alias" }, ["a"]);
    expect([lease.backend.id, lease.upstreamModel]).toEqual(["e", "tiny-alias"]);
  });

  test("none but the owner, whatever the rules are", async () => {
    const rules = [{ name: "r", priority: 0, when: {}, model: "x", backends: ["a"], policy: undefined }];
    const { acquire } = create([known("a", ["tiny"]), known("b", ["tiny"])], { rules });
    const lease = await acquire({ owner: "b", model: undefined });
    expect([lease.backend.id, lease.upstreamModel]).toEqual(["b", undefined]);
  });

  test("a request without a model goes where the only one is, as it is, and is refused where there are several", async () => {
    const one = create([known("a", ["tiny"])]);
    const { backend, upstreamModel } = await one.acquire({ model: undefined });
    expect([backend.id, upstreamModel]).toEqual(["a", undefined]);
    const { acquire } = create([known("a", ["tiny", "large"])]);
    await expect(acquire({ model: undefined })).rejects.toMatchObject({
      code: "missing_required_parameter",
      param: "model",
    });
  });

  test("an unknown model, and one whose backends were all tried, are refused at once", async () => {
    const { acquire } = create([known("a", ["tiny"])]);
    await expect(acquire({ model: "huge" })).rejects.toMatchObject({ code: "model_not_found" });
    await expect(acquire({}, ["a"])).rejects.toMatchObject({
      code: "backend_unavailable",
      retryAfterMs: 2000,
    });
  });
});

describe("rules", () => {
  test("name another model, backends and policy", async () => {
    const rules = [
      {
        name: "long",
        priority: 1,
        when: { promptCharacters: { min: 100 } },
        model: "large",
        backends: undefined,
        policy: undefined,
      },
      {
        name: "spill",
        priority: 0,
        when: { load: { min: 1 } },
        model: undefined,
        backends: ["spare"],
        policy: undefined,
      },
    ];
    const { acquire } = create([known("a", ["tiny"]), known("spare", ["tiny"]), known("b", ["large"])], {
      rules,
    });
    const long = await acquire({ promptCharacters: 100 });
    expect([long.backend.id, long.upstreamModel]).toEqual(["b", "large"]);
    const ids = [await acquire(), await acquire(), await acquire()].map(({ backend }) => backend.id);
    expect(ids).toEqual(["a", "spare", "spare"]);
  });
});

describe("failures", () => {
  test("a backend that fails gets no requests until a probe succeeds", async () => {
    const { clock, acquire, idsOf, router } = create([known("a", ["tiny"]), known("b", ["tiny"])]);
    for (let count = 0; count < 3; count += 1) (await acquire({}, ["b"])).end("failed-before-first-byte");
    expect(await idsOf(3)).toEqual(["b", "b", "b"]);
    expect(router.places().map(({ circuit }) => circuit)).toEqual(["open", "closed"]);
    clock.pass(100);
    const probe = await acquire({}, ["b"]);
    expect(await idsOf(3)).toEqual(["b", "b", "b"]);
    probe.end("completed");
    expect(new Set(await idsOf(4))).toEqual(new Set(["a", "b"]));
  });

  test("one that refuses is asked only where there is no other", async () => {
    const { acquire, idsOf, clock } = create([known("a", ["tiny"]), known("b", ["tiny"])]);
    (await acquire({}, ["b"])).end("refused");
    expect(await idsOf(3)).toEqual(["b", "b", "b"]);
    expect((await acquire({}, ["b"])).backend.id).toBe("a");
    clock.pass(500);
    expect(new Set(await idsOf(2))).toEqual(new Set(["a", "b"]));
  });
});

describe("the queue", () => {
  test("a request waits for a place, the first first", async () => {
    const { acquire, router } = create([known("a", ["tiny"])], { maxInFlight: 1 });
    const running = await acquire();
    const order: string[] = [];
    const waiting = ["first", "second"].map(async (name) => {
      const lease = await acquire();
      order.push(name);
      lease.end("completed");
    });
    expect(router.queuedCount).toBe(2);
    await expect(acquire()).rejects.toMatchObject({ code: "queue_full" });
    running.end("completed");
    await Promise.all(waiting);
    expect(order).toEqual(["first", "second"]);
  });

  test("a request waits for a backend that comes back, and for a probe", async () => {
    const { acquire, table, clock } = create([known("a", ["tiny"], { isHealthy: false })], {
      circuitFailures: 1,
    });
    const first = acquire();
    table.set([known("a", ["tiny"])]);
    (await first).end("failed-before-first-byte");
    const second = acquire();
    clock.pass(100);
    expect((await second).backend.id).toBe("a");
  });

  test("no longer than its time, and not after its client is gone", async () => {
    const { acquire, clock, router } = create([known("a", ["tiny"], { isReady: false })]);
    const client = new AbortController();
    const gone = router.acquire(request, new Set(), client.signal);
    const waiting = acquire();
    client.abort(new Error("gone"));
    await expect(gone).rejects.toThrow("gone");
    clock.pass(1000);
    await expect(waiting).rejects.toMatchObject({ code: "backend_unavailable" });
    expect(router.queuedCount).toBe(0);
  });
});

test("lists each model once, with its backends", () => {
  const { router } = create([known("a", ["tiny"], { isHealthy: false }), known("b", ["tiny", "large"])]);
  expect(router.models()).toEqual([
    { id: "tiny", aliases: ["tiny-alias"], isReady: true, contextTokens: 100, backends: ["a", "b"] },
    { id: "large", aliases: ["large-alias"], isReady: true, contextTokens: 100, backends: ["b"] },
  ]);
  expect(router.backends().map(({ id }) => id)).toEqual(["b"]);
});

test("settings change without losing what is known", async () => {
  const { router, acquire, idsOf } = create([known("a", ["tiny"]), known("b", ["tiny"])]);
  for (let count = 0; count < 3; count += 1) (await acquire({}, ["b"])).end("failed-midstream");
  router.configure({ ...settings, policy: "least-loaded" });
  expect(await idsOf(3)).toEqual(["b", "b", "b"]);
});

test("whatever happens, a lease is for a backend that may get it, and every wait ends", async () => {
  const names = ["a", "b", "c"];
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("acquire" as const), tried: fc.subarray(names) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("end" as const),
        outcome: fc.constantFrom<LeaseOutcome>(
          "completed",
          "failed-before-first-byte",
          "failed-midstream",
          "refused",
          "cancelled",
        ),
      }),
    },
    fc.record({ kind: fc.constant("healthy" as const), ids: fc.subarray(names) }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(10, 100, 400) }),
  );
  const policies = fc.constantFrom(
    "round-robin" as const,
    "weighted" as const,
    "least-loaded" as const,
    "prefix-aware" as const,
  );
  await fc.assert(
    fc.asyncProperty(policies, fc.array(step, { maxLength: 60 }), async (policy, steps) => {
      const { router, clock, table } = create(
        names.map((id) => known(id, ["tiny"])),
        { policy, maxInFlight: 2 },
      );
      let healthy: readonly string[] = names;
      const running: Lease[] = [];
      const waits: Promise<unknown>[] = [];
      for (const each of steps) {
        if (each.kind === "acquire") {
          const take = async (): Promise<void> => {
            const lease = await router.acquire({ ...request, prefixes: [1] }, new Set(each.tried), signal);
            expect(each.tried).not.toContain(lease.backend.id);
            running.push(lease);
          };
          waits.push(take().catch((error: unknown) => expect(error).toHaveProperty("status")));
        } else if (each.kind === "end") {
          running.shift()?.end(each.outcome);
        } else if (each.kind === "healthy") {
          healthy = each.ids;
          table.set(names.map((id) => known(id, ["tiny"], { isHealthy: healthy.includes(id) })));
        } else {
          clock.pass(each.ms);
        }
        await Promise.resolve();
        for (const { inFlight } of router.places()) expect(inFlight).toBeLessThanOrEqual(2);
      }
      expect(router.queuedCount).toBeLessThanOrEqual(settings.maxQueued);
      clock.pass(1000);
      await Promise.all(waits);
      for (const lease of running) lease.end("completed");
      expect(router.queuedCount).toBe(0);
      expect(router.places().reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(0);
    }),
  );
});
