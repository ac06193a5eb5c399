import { expect, test } from "vitest";
import { createProgressCheck, type ProgressCheck } from "../src/index.ts";

interface Engine {
  nowMs: number;
  stepCount: number | undefined;
  requestCount: number;
  readonly check: ProgressCheck;
  level(): string;
}

function createEngine(): Engine {
  const engine: Engine = {
    nowMs: 1_000_000,
    stepCount: 0,
    requestCount: 0,
    check: createProgressCheck({
      name: "engine",
      hasWork: () => engine.requestCount > 0,
      stepCount: () => engine.stepCount,
      describeWork: () => `${engine.requestCount} requests running`,
      stallAfterMs: 10_000,
      clock: { now: () => engine.nowMs },
    }),
    level: () => engine.check.check().status,
  };
  return engine;
}

test("is healthy without work, however long", () => {
  const engine = createEngine();
  engine.level();
  engine.nowMs += 3_600_000;
  expect(engine.level()).toBe("healthy");
});

test("is healthy while steps are made", () => {
  const engine = createEngine();
  engine.requestCount = 3;
  for (let look = 0; look < 10; look += 1) {
    engine.nowMs += 9000;
    engine.stepCount = look;
    expect(engine.level()).toBe("healthy");
  }
});

test("is unhealthy, with numbers, after too long with work and no step, and healthy after the next step", () => {
  const engine = createEngine();
  engine.requestCount = 3;
  engine.level();
  engine.nowMs += 9999;
  expect(engine.level()).toBe("healthy");
  engine.nowMs += 2301;
  expect(engine.check.check()).toEqual({
    status: "unhealthy",
    reasons: ["no step for 12,300 ms with 3 requests running"],
  });
  engine.stepCount = 1;
  expect(engine.level()).toBe("healthy");
  engine.nowMs += 9999;
  expect(engine.level()).toBe("healthy");
});

test("counts from when work appears, not from the last step", () => {
  const engine = createEngine();
  engine.requestCount = 1;
  engine.stepCount = 7;
  engine.level();
  engine.requestCount = 0;
  engine.nowMs += 5000;
  engine.level();
  engine.nowMs += 3_600_000;
  engine.requestCount = 1;
  expect(engine.level()).toBe("healthy");
  engine.nowMs += 9999;
  expect(engine.level()).toBe("healthy");
  engine.nowMs += 1;
  expect(engine.level()).toBe("unhealthy");
});

test("the last step of earlier work does not count as progress of later work", () => {
  const engine = createEngine();
  engine.requestCount = 1;
  engine.level();
  engine.stepCount = 9;
  engine.requestCount = 0;
  engine.level();
  engine.requestCount = 1;
  engine.level();
  engine.nowMs += 10_000;
  expect(engine.level()).toBe("unhealthy");
});

test("a counter that restarts is progress", () => {
  const engine = createEngine();
  engine.requestCount = 1;
  engine.stepCount = 500;
  engine.level();
  engine.nowMs += 20_000;
  engine.stepCount = 2;
  expect(engine.level()).toBe("healthy");
  engine.nowMs += 10_000;
  expect(engine.level()).toBe("unhealthy");
});

test("an absent engine is not stalled, and has the whole time after its return", () => {
  const engine = createEngine();
  engine.requestCount = 1;
  engine.stepCount = 4;
  engine.level();
  engine.stepCount = undefined;
  engine.nowMs += 60_000;
  expect(engine.level()).toBe("healthy");
  engine.stepCount = 4;
  expect(engine.level()).toBe("healthy");
  engine.nowMs += 9999;
  expect(engine.level()).toBe("healthy");
});

test.each([0, -1, Number.POSITIVE_INFINITY])("refuses a stallAfterMs of %d", (stallAfterMs) => {
  expect(() => createProgressCheck({ hasWork: () => true, stepCount: () => 0, stallAfterMs })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
});
