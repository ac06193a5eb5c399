import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { quantile } from "../../lib/statistics.ts";

export interface Latency {
  readonly count: number;
  readonly failureCount: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Measures how long `/health/live` takes meanwhile. */
export interface LatencyProbe {
  stop(): Promise<Latency>;
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

export function startLatencyProbe(url: string, intervalMs = 20): LatencyProbe {
  const worker = new Worker(new URL("./probe-thread.js", import.meta.url), {
    workerData: { url: `${url}/health/live`, intervalMs },
  });
  return {
    stop: async () => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage("stop");
      const [{ latenciesMs, failureCount }] = (await once(worker, "message")) as [
        { readonly latenciesMs: readonly number[]; readonly failureCount: number },
      ];
      await worker.terminate();
      return {
        count: latenciesMs.length,
        failureCount,
        medianMs: round(quantile(latenciesMs, 0.5)),
        p99Ms: round(quantile(latenciesMs, 0.99)),
        maxMs: round(quantile(latenciesMs, 1)),
      };
    },
  };
}
