import { expect, test } from "vitest";
import { createWorkerCalls } from "../src/worker-calls.ts";

/** Answers with the question said twice; `crash` ends the thread by an error, `sleep` is never answered. */
const entry = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from "node:worker_threads";
    parentPort.on("message", ({ id, value }) => {
      if (value === "crash") throw new Error("the thread crashed");
      if (value !== "sleep") parentPort.postMessage({ id, value: workerData.prefix + value + value });
    });
  `)}`,
);

test("answers each question with its own answer", async () => {
  const calls = createWorkerCalls<string, string>(entry, { prefix: "-" });
  expect(await Promise.all(["a", "b", "c"].map((question) => calls.ask(question)))).toEqual([
    "-aa",
    "-bb",
    "-cc",
  ]);
  await calls.dispose(new Error("the end"));
});

test("rejects what a thread leaves behind that fails, and starts another for the next question", async () => {
  const calls = createWorkerCalls<string, string>(entry, { prefix: "" });
  const lost = calls.ask("sleep");
  const crash = calls.ask("crash");
  await expect(lost).rejects.toThrow("the thread crashed");
  await expect(crash).rejects.toThrow("the thread crashed");
  expect(await calls.ask("x")).toBe("xx");
  await calls.dispose(new Error("the end"));
});

test("rejects what is not answered when it is disposed", async () => {
  const calls = createWorkerCalls<string, string>(entry, { prefix: "" });
  const lost = calls.ask("sleep");
  const settled = Promise.allSettled([lost]);
  const reason = new Error("the end");
  await calls.dispose(reason);
  expect(await settled).toEqual([{ status: "rejected", reason }]);
});

test("hands buffers over", async () => {
  const calls = createWorkerCalls<ArrayBuffer, string>(entry, { prefix: "" });
  const buffer = new ArrayBuffer(8);
  await calls.ask(buffer, [buffer]);
  expect(buffer.byteLength).toBe(0);
  await calls.dispose(new Error("the end"));
});
