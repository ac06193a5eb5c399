import { Worker } from "node:worker_threads";
import type { RangeJob, RangeMessage } from "./range-worker.ts";

/** How ranges of files are read. Defaults in brackets. */
export interface RangeJobOptions {
  readonly threadCount: number;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The script of a thread. [that of this package] */
  readonly rangeWorkerUrl?: URL | undefined;
}

/** A thread could not read or write; `code` is the system's. */
class RangeJobError extends Error {
  override readonly name: string = "RangeJobError";
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}

/** Reads ranges of files in threads, copies those with a target, and returns the CRC-32 of each. */
export async function runRangeJobs(
  jobs: readonly RangeJob[],
  { threadCount, onProgress, signal, rangeWorkerUrl }: RangeJobOptions,
): Promise<readonly number[]> {
  const sizeOf = ({ source }: RangeJob): number => source.endByte - source.startByte;
  const totalBytes = jobs.reduce((sum, job) => sum + sizeOf(job), 0);
  const checksums = jobs.map(() => 0);
  // The largest first, so that no thread is left with it at the end.
  const waiting = [...jobs.entries()].toSorted(([, a], [, b]) => sizeOf(b) - sizeOf(a));
  const url = rangeWorkerUrl ?? new URL("./range-worker.js", import.meta.url);
  let doneBytes = 0;
  const work = async (): Promise<void> => {
    // Flags of the program, such as `--input-type`, are not for its threads.
    const worker = new Worker(url, { execArgv: [] });
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, job] = next;
        checksums[index] = await ask(worker, job, (bytes) => {
          doneBytes += bytes;
          onProgress?.(doneBytes, totalBytes);
        });
        signal?.throwIfAborted();
      }
    } finally {
      await worker.terminate();
    }
  };
  signal?.throwIfAborted();
  const threads = Math.max(1, Math.min(threadCount, jobs.length));
  const results = await Promise.allSettled(Array.from({ length: threads }, work));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return checksums;
}

function ask(worker: Worker, job: RangeJob, onBytes: (bytes: number) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (message: string, code?: string): void => reject(new RangeJobError(message, code));
    worker.removeAllListeners();
    worker.on("message", (message: RangeMessage) => {
      if (message.type === "progress") onBytes(message.bytes);
      else if (message.type === "done") resolve(message.checksum);
      else fail(message.message, message.code);
    });
    worker.once("error", (error) => fail(error.message));
    worker.once("exit", () => fail("its thread ended"));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(job);
  });
}
