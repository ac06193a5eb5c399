import { expect, test } from "vitest";
import { readSystemInfo, isSupportedNode } from "../../../src/commands/doctor/doctor-system.ts";

test.each([
  ["20.18.3", false],
  ["20.19.0", true],
  ["22.0.0", true],
  ["18.20.4", false],
  ["9.99.0", false],
])("checks whether Node.js %s is supported", (version, isSupported) => {
  expect(isSupportedNode(version)).toBe(isSupported);
});

test("describes this machine", async () => {
  const system = await readSystemInfo();
  expect(system).toMatchObject({ nodeVersion: process.versions.node, isNodeSupported: true });
  expect(system.logicalCores).toBeGreaterThan(0);
  expect(system.totalBytes).toBeGreaterThan(2 ** 20);
  expect(system.processorFeatures === undefined).toBe(process.platform !== "linux");
});
