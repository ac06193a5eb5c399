import { ContextLengthError, InvalidRequestError, QueueFullError } from "@infernode/inference";
import { expect, test } from "vitest";
import { EngineRequestError } from "../../src/errors.ts";
import { toErrorRecord } from "../../src/models/error-record.ts";

test("keeps code, field and numbers of the engine's errors", () => {
  expect(toErrorRecord(new InvalidRequestError("sampling.topP", "above 0", -1))).toMatchObject({
    code: "INVALID_REQUEST",
    param: "sampling.topP",
    message: expect.stringContaining("sampling.topP"),
  });
  const tooLong = new ContextLengthError({ promptTokens: 9, maxTokens: 2, contextTokens: 8 });
  expect(toErrorRecord(tooLong)).toMatchObject({
    code: "CONTEXT_LENGTH_EXCEEDED",
    data: { promptTokens: 9, maxTokens: 2, contextTokens: 8 },
  });
  const full = new QueueFullError({ resource: "requests", limit: 1, requested: 2, retryAfterMs: 30 });
  expect(toErrorRecord(full).data).toMatchObject({ retryAfterMs: 30, limit: 1 });
});

test("makes a record of anything that can be thrown", () => {
  expect(toErrorRecord(new TypeError("x is not a function"))).toEqual({
    code: "INTERNAL",
    message: "x is not a function",
  });
  expect(toErrorRecord(new RangeError())).toEqual({ code: "INTERNAL", message: "RangeError" });
  expect(toErrorRecord("text")).toEqual({ code: "INTERNAL", message: "text" });
});

test("keeps the numbers that an EngineRequestError carries in its data", () => {
  const record = { code: "CONTEXT_LENGTH_EXCEEDED", message: "too long", data: { contextTokens: 1024 } };
  expect(toErrorRecord(new EngineRequestError(record))).toEqual(record);
});
