import { errorEntry, type ApiErrorCode } from "../api/shared/error-catalog.ts";
import { refSchema, type JsonMap } from "../api/shared/json-schema.ts";
import type { ErrorFormat } from "../api/shared/wire-format.ts";

/** Any request may be answered with these. */
const commonErrors: readonly ApiErrorCode[] = [
  "bad_request",
  "host_not_allowed",
  "origin_not_allowed",
  "request_timeout",
  "header_too_large",
  "internal_error",
  "server_overloaded",
];

/** Headers of responses, by name. */
export const responseHeaders: Readonly<Record<string, JsonMap>> = {
  "x-request-id": {
    description: "The request's own `x-request-id`, or one that the server made",
    schema: { type: "string" },
  },
  "retry-after": {
    description: "Seconds after which to try again",
    schema: { type: "integer", minimum: 1 },
  },
  "retry-after-ms": {
    description: "The same in milliseconds",
    schema: { type: "integer", minimum: 1 },
  },
};

function headersOf(...names: readonly string[]): JsonMap {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Headers that every answer of a route has. */
export const commonHeaders: JsonMap = headersOf("x-request-id");

const waitingHeaders: JsonMap = headersOf("x-request-id", "retry-after", "retry-after-ms");
const hasToWait: ReadonlySet<number> = new Set([429, 503]);

function errorResponse(status: number, codes: readonly ApiErrorCode[], errors: ErrorFormat): JsonMap {
  const schema = { allOf: [refSchema(errors.schema.name), errors.schemaOf(codes)] };
  return {
    description: codes.map((code) => `\`${code}\`: ${errorEntry(code).when}`).join(". "),
    headers: hasToWait.has(status) ? waitingHeaders : commonHeaders,
    content: { "application/json": { schema } },
  };
}

/** The error responses of a route by status: its own codes, and those of every route. */
export function errorResponses(
  codes: readonly ApiErrorCode[],
  errors: ErrorFormat,
): Readonly<Record<number, JsonMap>> {
  const all = [...commonErrors, ...codes];
  const statuses = [...new Set(all.map((code) => errorEntry(code).status))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      errorResponse(
        status,
        all.filter((code) => errorEntry(code).status === status),
        errors,
      ),
    ]),
  );
}
