import { ApiError } from "../../api/shared/api-error.ts";
import type { ApiErrorCode } from "../../api/shared/error-catalog.ts";
import type { ExactFields } from "../../api/shared/wire-format.ts";
import { createWorkerCalls } from "../../worker-calls.ts";

/** What the thread is sent. */
export interface JsonQuestion {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly exact: ExactFields | undefined;
}

/** What the thread answers: the body, or why the bytes are not one. */
export type JsonAnswer =
  | { readonly body: unknown }
  | { readonly code: ApiErrorCode; readonly message: string; readonly param: string | undefined }
  | { readonly failure: string };

/** Parses bodies in a thread, one after the other. */
export interface JsonThread {
  /** Transfers the bytes to the thread. @throws ApiError 400 as `parseJsonBody` does */
  parse(bytes: Buffer, exact?: ExactFields): Promise<unknown>;
  dispose(): Promise<void>;
}

/** The buffer of the bytes where it holds nothing else; else a copy. */
function ownBytes(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    ? new Uint8Array(buffer)
    : Uint8Array.from(bytes);
}

/** Creates the thread; it starts with the first body, and again after it has failed. */
export function createJsonThread(): JsonThread {
  const calls = createWorkerCalls<JsonQuestion, JsonAnswer>(new URL("./json-worker.js", import.meta.url));
  return {
    parse: async (bytes, exact) => {
      const owned = ownBytes(bytes);
      const answer = await calls.call({ bytes: owned, exact }, [owned.buffer]);
      if ("body" in answer) return answer.body;
      if ("failure" in answer) throw new Error(answer.failure);
      throw new ApiError(answer.code, answer.message, { param: answer.param });
    },
    dispose: () => calls.dispose(new Error("the server was closed before the body was parsed")),
  };
}
