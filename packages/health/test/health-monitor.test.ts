import { once, EventEmitter } from "node:events";
import { expect, test } from "vitest";
import {
  createHealthChecker,
  startHealthMonitor,
  type HealthChecker,
  type HealthReport,
} from "../src/index.ts";

const healthy: HealthReport = { status: "healthy", reasons: [], checks: {} };

test("reports immediately and then periodically, never two at a time", async () => {
  const heard = new EventEmitter();
  let openCount = 0;
  let maxOpenCount = 0;
  const checker: HealthChecker = {
    addCheck: () => () => undefined,
    async report() {
      openCount += 1;
      maxOpenCount = Math.max(maxOpenCount, openCount);
      await new Promise((resolve) => setImmediate(resolve));
      openCount -= 1;
      return healthy;
    },
  };
  using monitor = startHealthMonitor({
    checker,
    intervalMs: 1,
    onReport: (report) => heard.emit("report", report),
  });
  for (let round = 0; round < 3; round += 1) expect(await once(heard, "report")).toEqual([healthy]);
  monitor.dispose();
  expect(maxOpenCount).toBe(1);
});

test("continues after a failure and reports the error", async () => {
  const heard = new EventEmitter();
  let callCount = 0;
  const checker: HealthChecker = {
    addCheck: () => () => undefined,
    async report() {
      callCount += 1;
      if (callCount === 1) throw new Error("the sink failed");
      return healthy;
    },
  };
  const errors: unknown[] = [];
  using monitor = startHealthMonitor({
    checker,
    intervalMs: 1,
    onReport: (report) => heard.emit("report", report),
    onError: (error) => errors.push(error),
  });
  await once(heard, "report");
  monitor.dispose();
  expect(errors).toEqual([new Error("the sink failed")]);
});

test("a disposed monitor reports nothing more, not even a pending report", async () => {
  const reports: HealthReport[] = [];
  let finish: (() => void) | undefined;
  const checker = createHealthChecker({
    checks: [
      {
        name: "slow",
        check: () =>
          new Promise((resolve) => {
            finish = () => resolve({ status: "healthy", reasons: [] });
          }),
      },
    ],
  });
  const monitor = startHealthMonitor({ checker, intervalMs: 1, onReport: (report) => reports.push(report) });
  monitor.dispose();
  monitor.dispose();
  finish?.();
  expect((await checker.report()).status).toBe("healthy");
  expect(reports).toEqual([]);
});

test("refuses an interval of 0 or less", () => {
  expect(() => startHealthMonitor({ checker: createHealthChecker(), intervalMs: 0 })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});
