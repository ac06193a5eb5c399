import { ApiError } from "../api/shared/api-error.ts";
import { handleCalls } from "../worker-calls.ts";
import type { JsonAnswer } from "./json-thread.ts";
import { parseJsonBody } from "./parse-json-body.ts";

// The entry of the thread that parses large bodies.
handleCalls((bytes: Uint8Array): JsonAnswer => {
  try {
    return { body: parseJsonBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) };
  } catch (error) {
    if (!(error instanceof ApiError)) return { failure: String(error) };
    const { message, status, type, code, param } = error;
    return { refusal: { message, details: { status, type, code, param } } };
  }
});
