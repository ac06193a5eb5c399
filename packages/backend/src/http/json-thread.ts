import { Worker } from "node:worker_threads";
import { createResolvers } from "../engine/async-queue.ts";
import { ApiError, type ApiErrorDetails } from "../openai/api-error.ts";

/** A body to parse, as it crosses to the thread. */
export interface JsonQuestion {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** What comes back from the thread: the body, or why it is none. */
export type JsonAnswer =
  | { readonly id: number; readonly body: unknown }
  | { readonly id: number; readonly refusal: { readonly message: string; readonly details: ApiErrorDetails } }
  | { readonly id: number; readonly failure: string };

/** Parses bodies in a thread of its own, one after the other. */
export interface JsonThread {
  /** Takes the bytes away. @throws ApiError 400 as `parseJsonBody` does */
  parse(bytes: Buffer): Promise<unknown>;
  dispose(): Promise<void>;
}

/** The memory of the bytes, where they are alone in it; else a copy of them. */
function ownBytes(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    ? new Uint8Array(buffer)
    : Uint8Array.from(bytes);
}

/** Creates the thread; it starts with the first body, and again after it has failed. */
export function createJsonThread(): JsonThread {
  const pending = new Map<number, ReturnType<typeof createResolvers<unknown>>>();
  let worker: Worker | undefined;
  let lastId = 0;

  const failAll = (error: unknown): void => {
    worker = undefined;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  const settle = (answer: JsonAnswer): void => {
    const call = pending.get(answer.id);
    pending.delete(answer.id);
    if ("body" in answer) call?.resolve(answer.body);
    else if ("refusal" in answer) {
      call?.reject(new ApiError(answer.refusal.message, answer.refusal.details));
    } else call?.reject(new Error(answer.failure));
  };
  const start = (): Worker => {
    const thread = new Worker(new URL("./json-worker.js", import.meta.url));
    thread.unref();
    thread.on("message", settle);
    thread.on("error", failAll);
    return thread;
  };

  return {
    parse: (bytes) => {
      worker ??= start();
      const call = createResolvers<unknown>();
      const question: JsonQuestion = { id: ++lastId, bytes: ownBytes(bytes) };
      pending.set(question.id, call);
      worker.postMessage(question, [question.bytes.buffer as ArrayBuffer]);
      return call.promise;
    },
    dispose: async () => {
      const thread = worker;
      failAll(new Error("the server was closed before the body was parsed"));
      await thread?.terminate();
    },
  };
}
