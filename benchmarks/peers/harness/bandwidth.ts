import { Worker } from "node:worker_threads";

const bytesPerThread = 384 * 2 ** 20;
const passes = 4;

// Searching for a byte that is not there reads memory with the widest loads of the processor.
const reader = `
const { parentPort, workerData } = require("node:worker_threads");
const memory = Buffer.alloc(workerData, 1);
parentPort.on("message", () => {
  memory.indexOf(7);
  parentPort.postMessage("read");
});
parentPort.postMessage("ready");
`;

/** Reads memory in several threads at once; the best of some passes, in bytes per second. */
export async function measureBandwidth(threadCount: number): Promise<number> {
  const threads = Array.from(
    { length: threadCount },
    () => new Worker(reader, { eval: true, workerData: bytesPerThread }),
  );
  const replies = (): Promise<unknown> =>
    Promise.all(threads.map((thread) => new Promise((resolve) => thread.once("message", resolve))));
  try {
    await replies();
    let best = 0;
    for (let pass = 0; pass < passes; pass += 1) {
      const read = replies();
      const startedAt = performance.now();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads, not windows
      for (const thread of threads) thread.postMessage("read");
      await read;
      best = Math.max(best, (threadCount * bytesPerThread * 1000) / (performance.now() - startedAt));
    }
    return best;
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}
