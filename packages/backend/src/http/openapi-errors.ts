import type { ApiErrorCode } from "../api/shared/api-error.ts";
import { errorCatalog } from "../api/shared/error-catalog.ts";
import type { JsonMap } from "../api/shared/body/fields.ts";

/** Any request may be answered with these. */
const ofAny: readonly ApiErrorCode[] = [
  "bad_request",
  "host_not_allowed",
  "origin_not_allowed",
  "request_timeout",
  "header_too_large",
  "internal_error",
  "server_overloaded",
];

const ofBodies: readonly ApiErrorCode[] = [
  "invalid_json",
  "invalid_type",
  "invalid_value",
  "missing_required_parameter",
  "unknown_parameter",
  "request_too_large",
  "unsupported_media_type",
];

const ofModels: readonly ApiErrorCode[] = ["model_not_found", "engine_unavailable"];

const ofPrompts: readonly ApiErrorCode[] = [
  "unsupported_parameter",
  "context_length_exceeded",
  "tokenizer_failed",
  "prompt_timeout",
  "prompt_memory_exceeded",
  "queue_full",
  "engine_crashed",
  "generation_failed",
];

const ofMessages: readonly ApiErrorCode[] = [
  "unsupported_content",
  "chat_template_missing",
  "chat_template_failed",
];

/** What a route reads, from which follows how it may fail. */
export type RouteKind = "plain" | "model" | "prompt" | "messages";

const codesOf: Readonly<Record<RouteKind, readonly ApiErrorCode[]>> = {
  plain: ofAny,
  model: [...ofAny, ...ofModels],
  prompt: [...ofAny, ...ofModels, ...ofBodies, ...ofPrompts],
  messages: [...ofAny, ...ofModels, ...ofBodies, ...ofPrompts, ...ofMessages],
};

const text: JsonMap = { type: "string" };

/** Headers of responses, by name. */
export const responseHeaders: Readonly<Record<string, JsonMap>> = {
  "x-request-id": {
    description: "The request's own `x-request-id`, or one that the server made",
    schema: text,
  },
  "retry-after": { description: "Seconds after which to try again", schema: { type: "integer", minimum: 1 } },
  "retry-after-ms": { description: "The same in milliseconds", schema: { type: "integer", minimum: 1 } },
};

function headersOf(...names: readonly string[]): JsonMap {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Headers that every answer of a route has. */
export const commonHeaders: JsonMap = headersOf("x-request-id");

const waitingHeaders: JsonMap = headersOf("x-request-id", "retry-after", "retry-after-ms");
const hasToWait: ReadonlySet<number> = new Set([429, 503]);

function errorResponse(status: number, codes: readonly ApiErrorCode[]): JsonMap {
  return {
    description: codes.map((code) => `\`${code}\`: ${errorCatalog[code].when}`).join(". "),
    headers: hasToWait.has(status) ? waitingHeaders : commonHeaders,
    content: {
      "application/json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/Error" },
            { properties: { error: { properties: { code: { enum: codes } } } } },
          ],
        },
      },
    },
  };
}

/** The error responses of a route by status, each with its codes. */
export function errorResponses(kind: RouteKind): JsonMap {
  const byStatus = new Map<number, ApiErrorCode[]>();
  for (const code of codesOf[kind]) {
    const { status } = errorCatalog[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].sort(([a], [b]) => a - b).map(([status, codes]) => [status, errorResponse(status, codes)]),
  );
}
