import type { ApiError } from "../shared/api-error.ts";
import { errorEntry } from "../shared/error-catalog.ts";
import { objectSchema, textSchema, type JsonMap } from "../shared/json-schema.ts";
import type { WireFormat } from "../shared/wire-format.ts";
import { countTokensCodec } from "./count-tokens.ts";
import { messagesCodec } from "./messages.ts";

const errorTypes = [
  "invalid_request_error",
  "permission_error",
  "not_found_error",
  "request_too_large",
  "rate_limit_error",
  "api_error",
  "overloaded_error",
  "timeout_error",
] as const;

type ErrorType = (typeof errorTypes)[number];

const typesByStatus: ReadonlyMap<number, ErrorType> = new Map([
  [403, "permission_error"],
  [404, "not_found_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [503, "overloaded_error"],
  [504, "timeout_error"],
]);

function errorType(status: number): ErrorType {
  return typesByStatus.get(status) ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

function toErrorBody({ status, message }: ApiError, requestId: string): JsonMap {
  return { type: "error", error: { type: errorType(status), message }, request_id: requestId };
}

/** Anthropic's wire format. */
export const anthropicFormat: WireFormat = {
  name: "Anthropic",
  codecs: [messagesCodec, countTokensCodec],
  requestIdHeader: "request-id",
  errors: {
    toBody: toErrorBody,
    toEvent: (error, requestId) => ({ name: "error", data: JSON.stringify(toErrorBody(error, requestId)) }),
    schema: {
      name: "MessageError",
      schema: objectSchema({
        type: { const: "error" },
        error: objectSchema({ type: { enum: errorTypes }, message: textSchema }),
        request_id: textSchema,
      }),
    },
    schemaOf: (codes) => {
      const types = new Set(codes.map((code) => errorType(errorEntry(code).status)));
      return { properties: { error: { properties: { type: { enum: [...types] } } } } };
    },
  },
};
