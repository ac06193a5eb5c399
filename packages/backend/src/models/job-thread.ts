import { parentPort, Worker } from "node:worker_threads";
import { createResolvers, type Resolvers } from "../create-resolvers.ts";
import { type EngineErrorRecord, EngineRequestError } from "../errors.ts";
import { toErrorRecord } from "./error-record.ts";

/** Messages from the thread. */
type ThreadMessage<Result> =
  | { readonly type: "ready" }
  | { readonly type: "load-failed"; readonly error: EngineErrorRecord }
  | { readonly type: "result"; readonly result: Result }
  | { readonly type: "failed"; readonly error: EngineErrorRecord };

/** A thread that does one job at a time, on input of strangers; it is terminated if one takes too long. */
export interface JobThread<Job, Result> {
  /** Resolves when the thread has loaded. @throws EngineRequestError with the code of what failed */
  readonly ready: Promise<void>;
  /** It takes no more jobs. */
  readonly hasEnded: boolean;
  /**
   * Runs a job; one at a time.
   * @throws EngineRequestError with the code of what failed; at `timedOut` and `memoryExceeded` the thread has ended
   */
  run(job: Job, timeoutMs: number): Promise<Result>;
  end(): Promise<void>;
}

/** The errors of a thread that ends within a job. */
export interface JobThreadErrors {
  readonly loadTimedOut: (timeoutMs: number) => EngineErrorRecord;
  readonly timedOut: (timeoutMs: number) => EngineErrorRecord;
  readonly memoryExceeded: (memoryMib: number) => EngineErrorRecord;
  readonly cannotBeCopied: (reason: string) => EngineErrorRecord;
  /** What the thread works on, for messages: "the prompt". */
  readonly subject: string;
}

export interface JobThreadOptions {
  /** The worker's file. */
  readonly entry: URL;
  readonly workerData?: unknown;
  readonly loadTimeoutMs: number;
  /** Limit of its heap. */
  readonly memoryMib: number;
  readonly errors: JobThreadErrors;
}

function failureOf(error: unknown, { memoryMib, errors }: JobThreadOptions): EngineRequestError {
  const { code, message = String(error) } = error as { readonly code?: unknown; readonly message?: string };
  if (code === "ERR_WORKER_OUT_OF_MEMORY") {
    return new EngineRequestError(errors.memoryExceeded(memoryMib), { cause: error });
  }
  const what = `expected a result for ${errors.subject} from its thread, got its end: ${message}`;
  return new EngineRequestError({ code: "INTERNAL", message: what }, { cause: error });
}

/** Starts a thread, which loads at once. It keeps the process alive only while it works. */
export function startJobThread<Job, Result>(options: JobThreadOptions): JobThread<Job, Result> {
  const { entry, workerData, loadTimeoutMs, memoryMib, errors } = options;
  const worker = new Worker(entry, {
    workerData,
    // Flags of the program, such as those of a loader or `--input-type`, are not for this file.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryMib },
  });
  const ready = createResolvers<void>();
  ready.promise.catch(() => undefined);
  let current: Resolvers<Result> | undefined;
  let hasEnded = false;

  const settle = (): typeof current => {
    const call = current;
    current = undefined;
    clearTimeout(timer);
    worker.unref();
    return call;
  };
  const fail = (error: EngineRequestError): void => {
    if (hasEnded) return;
    hasEnded = true;
    settle()?.reject(error);
    ready.reject(error);
    void worker.terminate();
  };
  const post = (job: Job): void => {
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(job);
    } catch (cause) {
      throw new EngineRequestError(errors.cannotBeCopied(String(cause)), { cause });
    }
  };
  let timer = setTimeout(
    () => fail(new EngineRequestError(errors.loadTimedOut(loadTimeoutMs))),
    loadTimeoutMs,
  );
  worker.on("message", (message: ThreadMessage<Result>) => {
    switch (message.type) {
      case "ready":
        settle();
        return ready.resolve();
      case "load-failed":
        return fail(new EngineRequestError(message.error));
      case "failed":
        return settle()?.reject(new EngineRequestError(message.error));
      case "result":
        return settle()?.resolve(message.result);
    }
  });
  worker.on("error", (error) => fail(failureOf(error, options)));
  worker.on("exit", (exitCode) => fail(failureOf(new Error(`exit code ${exitCode}`), options)));

  return {
    ready: ready.promise,
    get hasEnded() {
      return hasEnded;
    },
    run: async (job, timeoutMs) => {
      const call = createResolvers<Result>();
      post(job);
      current = call;
      worker.ref();
      timer = setTimeout(() => fail(new EngineRequestError(errors.timedOut(timeoutMs))), timeoutMs);
      return call.promise;
    },
    end: async () => {
      const message = `the engine was stopped before ${errors.subject} was done`;
      fail(new EngineRequestError({ code: "ENGINE_DISPOSED", message }));
      await worker.terminate();
    },
  };
}

/** What a thread does: returns a result, and the buffers in it that are moved. */
export type DoJob<Job, Result> = (job: Job) => { readonly result: Result; readonly moved?: ArrayBuffer[] };

/** The thread's side: loads, and does jobs one after the other. */
export async function serveJobs<Job, Result>(load: () => Promise<DoJob<Job, Result>>): Promise<void> {
  const post = (message: ThreadMessage<Result>, moved: readonly ArrayBuffer[] = []): void => {
    parentPort?.postMessage(message, moved);
  };
  try {
    const work = await load();
    parentPort?.on("message", (job: Job) => {
      try {
        const { result, moved } = work(job);
        post({ type: "result", result }, moved);
      } catch (error) {
        post({ type: "failed", error: toErrorRecord(error) });
      }
    });
    post({ type: "ready" });
  } catch (error) {
    post({ type: "load-failed", error: toErrorRecord(error) });
  }
}
