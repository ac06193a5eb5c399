import { expect, test } from "vitest";
import { createWorkerCalls } from "../src/worker-calls.ts";

/** Returns the request twice; `crash` ends the thread with an error, `sleep` gets no result. */
const entry = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from "node:worker_threads";
    parentPort.on("message", ({ id, value }) => {
      if (value === "crash") throw new Error("the thread crashed");
      if (value !== "sleep") parentPort.postMessage({ id, value: workerData.prefix + value + value });
    });
  `)}`,
);

test("returns the result of each call", async () => {
  const calls = createWorkerCalls<string, string>(entry, { prefix: "-" });
  expect(await Promise.all(["a", "b", "c"].map((request) => calls.call(request)))).toEqual([
    "-aa",
    "-bb",
    "-cc",
  ]);
  await calls.dispose(new Error("the end"));
});

test("rejects pending calls when the thread fails, and starts another thread for the next call", async () => {
  const calls = createWorkerCalls<string, string>(entry, { prefix: "" });
  const lost = calls.call("sleep");
  const crash = calls.call("crash");
  await expect(lost).rejects.toThrow("the thread crashed");
  await expect(crash).rejects.toThrow("the thread crashed");
  expect(await calls.call("x")).toBe("xx");
  await calls.dispose(new Error("the end"));
});

test("rejects pending calls when it is disposed", async () => {
  const calls = createWorkerCalls<string, string>(entry, { prefix: "" });
  const lost = calls.call("sleep");
  const settled = Promise.allSettled([lost]);
  const reason = new Error("the end");
  await calls.dispose(reason);
  expect(await settled).toEqual([{ status: "rejected", reason }]);
});

test("transfers buffers", async () => {
  const calls = createWorkerCalls<ArrayBuffer, string>(entry, { prefix: "" });
  const buffer = new ArrayBuffer(8);
  await calls.call(buffer, [buffer]);
  expect(buffer.byteLength).toBe(0);
  await calls.dispose(new Error("the end"));
});
