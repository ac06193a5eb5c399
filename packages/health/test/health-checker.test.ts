import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  createHealthChecker,
  HealthError,
  type HealthCheck,
  type HealthEvent,
  type HealthStatus,
} from "../src/index.ts";

const healthy: HealthStatus = { status: "healthy", reasons: [] };

function fixed(name: string, status: HealthStatus): HealthCheck {
  return { name, check: () => status };
}

/** A check that the test resolves. */
function manual(
  name: string,
): HealthCheck & { readonly callCount: number; answer(status: HealthStatus): void } {
  const waiting: ((status: HealthStatus) => void)[] = [];
  let callCount = 0;
  return {
    name,
    check: () => {
      callCount += 1;
      return new Promise((resolve) => void waiting.push(resolve));
    },
    get callCount() {
      return callCount;
    },
    answer(status) {
      waiting.shift()?.(status);
    },
  };
}

test("is healthy without checks", async () => {
  expect(await createHealthChecker().report()).toEqual({ status: "healthy", reasons: [], checks: {} });
});

test("the worst level wins and every reason is kept, the worst first", async () => {
  const checker = createHealthChecker({
    checks: [
      fixed("disk", { status: "degraded", reasons: ["92 % full"] }),
      fixed("net", healthy),
      fixed("engine", { status: "unhealthy", reasons: ["crashed", "restarting"] }),
    ],
  });
  expect(await checker.report()).toEqual({
    status: "unhealthy",
    reasons: ["engine: crashed", "engine: restarting", "disk: 92 % full"],
    checks: {
      disk: { status: "degraded", reasons: ["92 % full"] },
      net: healthy,
      engine: { status: "unhealthy", reasons: ["crashed", "restarting"] },
    },
  });
});

test("a check that throws or rejects is unhealthy with its message", async () => {
  const checker = createHealthChecker({
    checks: [
      {
        name: "throws",
        check: () => {
          throw new Error("no device");
        },
      },
      { name: "rejects", check: () => Promise.reject(new TypeError("")) },
      { name: "text", check: () => Promise.reject("plain text") },
    ],
  });
  const { status, reasons } = await checker.report();
  expect(status).toBe("unhealthy");
  expect(reasons).toEqual(["throws: no device", "rejects: TypeError", "text: plain text"]);
});

test("a check with an invalid status is unhealthy, and one without a reason gets one", async () => {
  const checker = createHealthChecker({
    checks: [
      fixed("odd", { status: "fine" } as unknown as HealthStatus),
      fixed("nothing", undefined as unknown as HealthStatus),
      fixed("silent", { status: "degraded", reasons: [] }),
    ],
  });
  expect((await checker.report()).reasons).toEqual([
    'odd: expected a status of healthy, degraded or unhealthy, got {"status":"fine"}',
    "nothing: expected a status of healthy, degraded or unhealthy, got undefined",
    "silent: no reason given",
  ]);
});

test("a hung check is unhealthy in bounded time and is not started again while it hangs", async () => {
  const hanging = manual("slow");
  const clock = { nowMs: 0, now: () => clock.nowMs };
  const checker = createHealthChecker({
    checks: [hanging, fixed("quick", healthy)],
    checkTimeoutMs: 5,
    clock,
  });

  expect((await checker.report()).reasons).toEqual(["slow: timed out after 5 ms"]);
  clock.nowMs = 12_300;
  expect((await checker.report()).reasons).toEqual(["slow: no result for 12,300 ms"]);
  expect(hanging.callCount).toBe(1);

  hanging.answer(healthy);
  await setImmediate();
  const report = checker.report();
  hanging.answer(healthy);
  expect((await report).status).toBe("healthy");
  expect(hanging.callCount).toBe(2);
});

test("checks run concurrently", async () => {
  const first = manual("first");
  const second = manual("second");
  const checker = createHealthChecker({ checks: [first, second] });
  const report = checker.report();
  expect([first.callCount, second.callCount]).toEqual([1, 1]);
  second.answer(healthy);
  first.answer({ status: "degraded", reasons: ["late"] });
  expect((await report).reasons).toEqual(["first: late"]);
});

test("a removed check is not run, and its name is free again", async () => {
  const checker = createHealthChecker();
  const remove = checker.addCheck(fixed("engine", { status: "unhealthy", reasons: ["gone"] }));
  remove();
  checker.addCheck(fixed("engine", healthy));
  remove();
  expect((await checker.report()).checks).toEqual({ engine: healthy });
});

test("refuses a second check of the same name", () => {
  const checker = createHealthChecker({ checks: [fixed("engine", healthy)] });
  expect(() => checker.addCheck(fixed("engine", healthy))).toThrow(HealthError);
  expect(() => checker.addCheck(fixed("engine", healthy))).toThrow(
    expect.objectContaining({ code: "DUPLICATE_CHECK", message: expect.stringContaining('"engine"') }),
  );
});

test.each<[string, object]>([
  ["checkTimeoutMs", { checkTimeoutMs: 0 }],
  ["checkTimeoutMs", { checkTimeoutMs: Number.NaN }],
  ["name", { name: "" }],
  ["timeoutMs", { timeoutMs: 5 }],
])("refuses a wrong %s", (option, options) => {
  expect(() => createHealthChecker(options)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(option) }),
  );
});

test("keeps the latest report and emits an event only when the level changes", async () => {
  const events: HealthEvent[] = [];
  let status: HealthStatus = healthy;
  const checker = createHealthChecker({
    name: "ready",
    checks: [{ name: "engine", check: () => status }],
    events: { emit: (...event) => void events.push(event) },
  });
  expect(checker.lastReport).toBeUndefined();
  await checker.report();
  await checker.report();
  status = { status: "unhealthy", reasons: ["no step for 5 ms"] };
  await checker.report();
  status = { status: "unhealthy", reasons: ["no step for 6 ms"] };
  const last = await checker.report();

  expect(checker.lastReport).toBe(last);
  expect(
    events.map(([name, { checker, previous, status, reasons }]) => [
      name,
      checker,
      previous,
      status,
      reasons,
    ]),
  ).toEqual([
    ["health:status-changed", "ready", undefined, "healthy", []],
    ["health:status-changed", "ready", "healthy", "unhealthy", ["engine: no step for 5 ms"]],
  ]);
});

test("a report that finishes after a later one does not replace it", async () => {
  const levels: string[] = [];
  const slow = manual("slow");
  const checker = createHealthChecker({ events: { emit: (_name, { status }) => void levels.push(status) } });
  const remove = checker.addCheck(slow);
  const first = checker.report();
  remove();
  const second = await checker.report();
  slow.answer({ status: "unhealthy", reasons: ["outdated"] });
  expect((await first).status).toBe("unhealthy");
  expect(checker.lastReport).toBe(second);
  expect(levels).toEqual(["healthy"]);
});

test("reports are frozen", async () => {
  const report = await createHealthChecker({
    checks: [fixed("a", { status: "degraded", reasons: ["b"] })],
  }).report();
  expect(
    [report, report.reasons, report.checks, report.checks["a"], report.checks["a"]?.reasons].every(
      Object.isFrozen,
    ),
  ).toBe(true);
});
