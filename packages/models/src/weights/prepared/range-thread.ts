import { Worker } from "node:worker_threads";
import type { RangeJob, RangeMessage } from "./range-worker.ts";

/** A thread that reads and copies ranges of files, one after the other. */
export interface RangeThread extends AsyncDisposable {
  /** Returns the CRC-32 of the range. @throws RangeJobError */
  run(job: RangeJob, onBytes?: (bytes: number) => void): Promise<number>;
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

/** Starts a thread. @param url its script, by default that of this package */
export function openRangeThread(url: URL = new URL("./range-worker.js", import.meta.url)): RangeThread {
  // Flags of the program, such as `--input-type`, are not for its threads.
  const worker = new Worker(url, { execArgv: [] });
  return {
    run: (job, onBytes) => ask(worker, job, onBytes),
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
}

function ask(worker: Worker, job: RangeJob, onBytes?: (bytes: number) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (message: string, code?: string): void => reject(new RangeJobError(message, code));
    worker.removeAllListeners();
    worker.on("message", (message: RangeMessage) => {
      if (message.type === "progress") onBytes?.(message.bytes);
      else if (message.type === "done") resolve(message.checksum);
      else fail(message.message, message.code);
    });
    worker.once("error", (error) => fail(error.message));
    worker.once("exit", () => fail("its thread ended"));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(job);
  });
}
