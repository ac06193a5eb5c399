import { expect, test } from "vitest";
import { createHealthChecker, createReadinessGate } from "../src/index.ts";

test("is open without holds, and held with the reasons in order", () => {
  const gate = createReadinessGate();
  expect(gate.check()).toEqual({ status: "healthy", reasons: [] });
  gate.hold("loading", "the model loads");
  gate.hold("draining", "the daemon stops");
  expect(gate.isOpen).toBe(false);
  expect(gate.check()).toEqual({ status: "unhealthy", reasons: ["the model loads", "the daemon stops"] });
  expect(gate.release("loading")).toBe(true);
  expect(gate.release("loading")).toBe(false);
  gate.release("draining");
  expect(gate.isOpen).toBe(true);
});

test("a reason may change during a hold", () => {
  let percent = 10;
  const gate = createReadinessGate({ holds: { loading: () => `weights at ${percent} %` } });
  percent = 45;
  expect(gate.check().reasons).toEqual(["weights at 45 %"]);
  gate.hold("loading", "compiles");
  expect(gate.check().reasons).toEqual(["compiles"]);
});

test("the function that hold returns releases that hold only", () => {
  const gate = createReadinessGate();
  const release = gate.hold("loading", "first");
  gate.hold("loading", "first");
  release();
  expect(gate.isOpen).toBe(false);
  gate.release("loading");
  expect(gate.isOpen).toBe(true);
});

test("makes a checker unhealthy, with its name before the reason", async () => {
  const gate = createReadinessGate({ name: "daemon", holds: { loading: "the model loads" } });
  const checker = createHealthChecker({ checks: [gate] });
  expect(await checker.report()).toMatchObject({ status: "unhealthy", reasons: ["daemon: the model loads"] });
  gate.release("loading");
  expect((await checker.report()).status).toBe("healthy");
});

test("refuses a hold without a name or a reason", () => {
  const gate = createReadinessGate();
  const refused = expect.objectContaining({ code: "INVALID_OPTION" });
  expect(() => gate.hold("", "why")).toThrow(refused);
  expect(() => gate.hold("loading", "")).toThrow(refused);
  expect(gate.isOpen).toBe(true);
});
