import { ApiError } from "../../api/shared/api-error.ts";
import { handleCalls } from "../../worker-calls.ts";
import type { JsonAnswer, JsonQuestion } from "./json-thread.ts";
import { parseJsonBody } from "./parse-json-body.ts";

// The entry of the thread that parses large bodies.
handleCalls(({ bytes, exact }: JsonQuestion): JsonAnswer => {
  try {
    return { body: parseJsonBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), exact) };
  } catch (error) {
    if (!(error instanceof ApiError)) return { failure: String(error) };
    const { code, message, param } = error;
    return { code, message, param };
  }
});
