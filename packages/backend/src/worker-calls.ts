import { parentPort, Worker } from "node:worker_threads";
import { createResolvers, type Resolvers } from "./create-resolvers.ts";
import { leaveMissingDirectory } from "./leave-missing-directory.ts";

/** A question or an answer, as it crosses. */
interface Call<T> {
  readonly id: number;
  readonly value: T;
}

/** Questions to a thread of one's own, which answers one after the other. */
export interface WorkerCalls<Question, Answer> {
  /** Hands the buffers over, where some are named. Rejects when the thread fails. */
  ask(question: Question, transfer?: readonly ArrayBuffer[]): Promise<Answer>;
  /** Ends the thread; what is not answered rejects with the error. */
  dispose(error: Error): Promise<void>;
}

/** Creates the caller's side; the thread starts with the first question, and again after it has failed. */
export function createWorkerCalls<Question, Answer>(
  entry: URL,
  workerData?: unknown,
): WorkerCalls<Question, Answer> {
  const pending = new Map<number, Resolvers<Answer>>();
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
    thread.on("message", ({ id, value }: Call<Answer>) => {
      const call = pending.get(id);
      pending.delete(id);
      call?.resolve(value);
    });
    thread.on("error", failAll);
    return thread;
  };

  return {
    ask: (value, transfer = []) => {
      worker ??= start();
      const id = (lastId += 1);
      const call = createResolvers<Answer>();
      pending.set(id, call);
      worker.postMessage({ id, value } satisfies Call<Question>, transfer);
      return call.promise;
    },
    dispose: async (error) => {
      const thread = worker;
      failAll(error);
      await thread?.terminate();
    },
  };
}

/** The thread's side. `answer` does not throw: what goes wrong is an answer, too. */
export function answerCalls(answer: (question: never) => unknown): void {
  parentPort?.on("message", async ({ id, value }: Call<never>) => {
    const message: Call<unknown> = { id, value: await answer(value) };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort?.postMessage(message);
  });
}
