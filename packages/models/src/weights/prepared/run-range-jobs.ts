import { openRangeThread } from "./range-thread.ts";
import type { RangeJob } from "./range-worker.ts";

/** How ranges of files are read. Defaults in brackets. */
export interface RangeJobOptions {
  readonly threadCount: number;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The script of a thread. [that of this package] */
  readonly rangeWorkerUrl?: URL | undefined;
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
  let doneBytes = 0;
  const work = async (): Promise<void> => {
    await using thread = openRangeThread(rangeWorkerUrl);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, job] = next;
      checksums[index] = await thread.run(job, (bytes) => {
        doneBytes += bytes;
        onProgress?.(doneBytes, totalBytes);
      });
      signal?.throwIfAborted();
    }
  };
  signal?.throwIfAborted();
  const threads = Math.max(1, Math.min(threadCount, jobs.length));
  const results = await Promise.allSettled(Array.from({ length: threads }, work));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return checksums;
}
