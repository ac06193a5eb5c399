import { expect, test } from "vitest";
import { checkGpu } from "../../../src/models/gpu/check-gpu.ts";

const entry = new URL("../../support/check-process.mjs", import.meta.url);

test("says what the process found, and asks for the speed of memory only where it is wanted", async () => {
  expect(await checkGpu("answers", { entry })).toMatchObject({ device: "A GPU", problem: "" });
  const measured = await checkGpu("answers", { entry, measuresCopies: true });
  expect(measured.problem).toBe("--copies");
});

test("ends a process that hangs, by its limit or when it is not wanted any more", async () => {
  const late = await checkGpu("hangs", { entry, timeoutMs: 100 });
  expect(late).toMatchObject({ kernels: [], problem: "the check did not end within 100 ms" });
  const ending = new AbortController();
  const check = checkGpu("hangs", { entry, signal: ending.signal });
  ending.abort();
  expect(await check).toMatchObject({ kernels: [], problem: "the check was stopped" });
  expect(await checkGpu("hangs", { entry, signal: ending.signal })).toMatchObject({
    problem: "the check was stopped",
  });
});

test("says how a process ended that crashed, with its last line", async () => {
  const { problem } = await checkGpu("crashes", { entry });
  expect(problem).toBe("the check ended with SIGSEGV: the driver says why");
});

test("says that a process could not be started", async () => {
  const { kernels, problem } = await checkGpu("answers", { entry: new URL("./absent.mjs", import.meta.url) });
  expect(kernels).toEqual([]);
  expect(problem).toMatch(/the check ended with 1: Error: Cannot find module/);
});
