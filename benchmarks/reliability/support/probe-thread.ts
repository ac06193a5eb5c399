// Requests one address in a loop, in a separate thread, so that the main thread's work is not measured.
import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

const { url, intervalMs } = workerData as { readonly url: string; readonly intervalMs: number };
const latenciesMs: number[] = [];
let failureCount = 0;
const stopping = new AbortController();

const probe = (): Promise<boolean> =>
  new Promise((resolve) => {
    get(url, { agent: false, timeout: 30_000 }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
      response.on("error", () => resolve(false));
    })
      .on("timeout", function stop(this: { destroy(): void }) {
        this.destroy();
      })
      .on("error", () => resolve(false));
  });

parentPort?.once("message", () => {
  stopping.abort();
});
while (!stopping.signal.aborted) {
  const startedAt = performance.now();
  if (await probe()) latenciesMs.push(performance.now() - startedAt);
  else failureCount += 1;
  await sleep(intervalMs);
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage({ latenciesMs, failureCount });
