import { Worker } from "node:worker_threads";
import { BackendError, type EngineErrorRecord, EngineRequestError } from "../errors.ts";
import { createResolvers } from "./async-queue.ts";

/** A text to encode, as it crosses to the thread. */
export interface TokenizerQuestion {
  readonly id: number;
  readonly text: string;
  readonly addSpecialTokens: boolean;
}

/** What comes back from the thread. */
export type TokenizerAnswer =
  | { readonly id: number; readonly tokenIds: Int32Array<ArrayBuffer> }
  | { readonly id: number; readonly error: EngineErrorRecord };

/** Encodes long texts beside the engine, whose steps would wait for them otherwise. */
export interface TokenizerThread extends AsyncDisposable {
  readonly encode: (text: string, addSpecialTokens: boolean) => Promise<readonly number[]>;
  dispose(): Promise<void>;
}

/** Creates the thread of one model's tokenizer; it starts with the first text and loads a tokenizer of its own. */
export function createTokenizerThread(directory: string): TokenizerThread {
  const pending = new Map<number, ReturnType<typeof createResolvers<readonly number[]>>>();
  let worker: Worker | undefined;
  let lastId = 0;

  const failAll = (error: unknown): void => {
    worker = undefined;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  const start = (): Worker => {
    const thread = new Worker(new URL("./tokenizer-worker.js", import.meta.url), {
      workerData: { directory },
    });
    thread.unref();
    thread.on("message", (answer: TokenizerAnswer) => {
      const call = pending.get(answer.id);
      pending.delete(answer.id);
      if ("error" in answer) call?.reject(new EngineRequestError(answer.error));
      else call?.resolve(Array.from(answer.tokenIds));
    });
    thread.on("error", failAll);
    return thread;
  };
  const dispose = async (): Promise<void> => {
    const thread = worker;
    failAll(new BackendError("ENGINE_UNAVAILABLE", "the engine was stopped before the text was encoded"));
    await thread?.terminate();
  };

  return {
    encode: (text, addSpecialTokens) => {
      worker ??= start();
      const id = ++lastId;
      const call = createResolvers<readonly number[]>();
      pending.set(id, call);
      const question: TokenizerQuestion = { id, text, addSpecialTokens };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(question);
      return call.promise;
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
