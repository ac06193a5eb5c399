import { ApiError, type ApiErrorDetails } from "../api/shared/api-error.ts";
import { createWorkerCalls } from "../worker-calls.ts";

/** What comes back from the thread for the bytes of a body: the body, or why it is none. */
export type JsonAnswer =
  | { readonly body: unknown }
  | { readonly refusal: { readonly message: string; readonly details: ApiErrorDetails } }
  | { readonly failure: string };

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
  const calls = createWorkerCalls<Uint8Array, JsonAnswer>(new URL("./json-worker.js", import.meta.url));
  return {
    parse: async (bytes) => {
      const owned = ownBytes(bytes);
      const answer = await calls.call(owned, [owned.buffer]);
      if ("body" in answer) return answer.body;
      if ("failure" in answer) throw new Error(answer.failure);
      throw new ApiError(answer.refusal.message, answer.refusal.details);
    },
    dispose: () => calls.dispose(new Error("the server was closed before the body was parsed")),
  };
}
