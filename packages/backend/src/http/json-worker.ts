import { parentPort } from "node:worker_threads";
import { ApiError } from "../openai/api-error.ts";
import type { JsonAnswer, JsonQuestion } from "./json-thread.ts";
import { parseJsonBody } from "./parse-json-body.ts";

// The entry of the thread that parses large bodies.
function answer({ id, bytes }: JsonQuestion): JsonAnswer {
  try {
    return { id, body: parseJsonBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) };
  } catch (error) {
    if (!(error instanceof ApiError)) return { id, failure: String(error) };
    const { message, status, type, code, param } = error;
    return { id, refusal: { message, details: { status, type, code, param } } };
  }
}

parentPort?.on("message", (question: JsonQuestion) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer(question));
});
