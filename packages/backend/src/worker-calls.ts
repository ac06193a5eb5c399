import { parentPort, Worker } from "node:worker_threads";
import { createResolvers, type Resolvers } from "./create-resolvers.ts";
import { leaveMissingDirectory } from "./leave-missing-directory.ts";

/** A request or its result, as sent between the threads. */
interface Message<T> {
  readonly id: number;
  readonly value: T;
}

/** Calls to a dedicated worker thread, which handles them one at a time. */
export interface WorkerCalls<Request, Result> {
  /** Sends a request; the buffers in `transfer` are moved to the thread. Rejects if the thread fails. */
  call(request: Request, transfer?: readonly ArrayBuffer[]): Promise<Result>;
  /** Terminates the thread; pending calls reject with the error. */
  dispose(error: Error): Promise<void>;
}

/** Creates the caller's side. The thread starts with the first call, and again with the next call after a failure. */
export function createWorkerCalls<Request, Result>(
  entry: URL,
  workerData?: unknown,
): WorkerCalls<Request, Result> {
  const pending = new Map<number, Resolvers<Result>>();
  let worker: Worker | undefined;
  let lastId = 0;

  const failAll = (error: unknown): void => {
    worker = undefined;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  const start = (): Worker => {
    leaveMissingDirectory();
    const thread = new Worker(entry, { workerData });
    thread.unref();
    thread.on("message", ({ id, value }: Message<Result>) => {
      const call = pending.get(id);
      pending.delete(id);
      call?.resolve(value);
    });
    thread.on("error", failAll);
    return thread;
  };

  return {
    call: (value, transfer = []) => {
      worker ??= start();
      const id = (lastId += 1);
      const call = createResolvers<Result>();
      pending.set(id, call);
      worker.postMessage({ id, value } satisfies Message<Request>, transfer);
      return call.promise;
    },
    dispose: async (error) => {
      const thread = worker;
      failAll(error);
      await thread?.terminate();
    },
  };
}

/** Handles calls on the thread's side. `handle` must not throw; it returns failures as results. */
export function handleCalls(handle: (request: never) => unknown): void {
  parentPort?.on("message", async ({ id, value }: Message<never>) => {
    const message: Message<unknown> = { id, value: await handle(value) };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort?.postMessage(message);
  });
}
