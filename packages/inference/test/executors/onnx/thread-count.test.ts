import { expect, test } from "vitest";
import { defaultThreadCount } from "../../../src/executors/onnx/thread-count.ts";

const siblings = "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list";
const quota = "/sys/fs/cgroup/cpu.max";

function countWith(availableParallelism: number, files: Readonly<Record<string, string>> = {}): number {
  return defaultThreadCount({ availableParallelism, readFile: (path) => files[path] });
}

test("counts every logical processor without more information", () => {
  expect(countWith(6)).toBe(6);
});

test("counts hyper-threads of a core once", () => {
  expect(countWith(16, { [siblings]: "0,8\n" })).toBe(8);
  expect(countWith(16, { [siblings]: "0-1\n" })).toBe(8);
  expect(countWith(5, { [siblings]: "0-1\n" })).toBe(3);
  expect(countWith(4, { [siblings]: "0\n" })).toBe(4);
});

test("keeps to a container's share, rounded up", () => {
  expect(countWith(16, { [quota]: "250000 100000\n" })).toBe(3);
  expect(countWith(16, { [quota]: "50000 100000\n" })).toBe(1);
  expect(countWith(16, { [quota]: "max 100000\n" })).toBe(16);
});

test("is at least one on this machine too", () => {
  expect(defaultThreadCount()).toBeGreaterThanOrEqual(1);
});
