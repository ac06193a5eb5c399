import type { ApiErrorType } from "../shared/api-error.ts";
import { errorCatalog } from "../shared/error-catalog.ts";
import type { JsonMap } from "../shared/body/fields.ts";

const text = { type: "string" };
const integer = { type: "integer" };
const number = { type: "number" };
const textOrNull = { type: ["string", "null"] };
const finishReason = { enum: ["stop", "length", null] };

function object(properties: JsonMap, required: readonly string[] = Object.keys(properties)): JsonMap {
  return { type: "object", properties, required };
}

function list(items: JsonMap): JsonMap {
  return { type: "array", items };
}

const usage = object({
  prompt_tokens: integer,
  completion_tokens: integer,
  total_tokens: integer,
  prompt_tokens_details: object({ cached_tokens: integer }),
  completion_tokens_details: object({ reasoning_tokens: integer }),
});

const tokenLogprob = { token: text, logprob: number, bytes: list(integer) };

const chatLogprobs = {
  anyOf: [
    object({
      content: list(object({ ...tokenLogprob, top_logprobs: list(object(tokenLogprob)) })),
      refusal: { type: "null" },
    }),
    { type: "null" },
  ],
};

const completionLogprobs = {
  anyOf: [
    object({
      tokens: list(text),
      token_logprobs: list({ type: ["number", "null"] }),
      top_logprobs: list({ type: ["object", "null"], additionalProperties: number }),
      text_offset: list(integer),
    }),
    { type: "null" },
  ],
};

function answer(name: string, choice: JsonMap): JsonMap {
  return object({
    id: text,
    object: { const: name },
    created: integer,
    model: text,
    system_fingerprint: text,
    choices: list(choice),
    usage,
  });
}

function chunk(name: string, choice: JsonMap): JsonMap {
  return object(
    {
      id: text,
      object: { const: name },
      created: integer,
      model: text,
      system_fingerprint: text,
      choices: list(choice),
      usage: { anyOf: [usage, { type: "null" }] },
    },
    ["id", "object", "created", "model", "system_fingerprint", "choices"],
  );
}

const completionChoice = object({
  index: integer,
  text,
  logprobs: completionLogprobs,
  finish_reason: finishReason,
});

const serverFields = object(
  {
    version: text,
    engine: object({ state: text, stats: { type: ["object", "null"] } }),
    model: { anyOf: [object({ id: text, family: text, executor: text }), { type: "null" }] },
    services: list({ type: "object" }),
  },
  ["version", "engine", "model"],
);

const errorTypes: readonly ApiErrorType[] = ["invalid_request_error", "rate_limit_error", "server_error"];

/** JSON Schemas of what the server answers, by name. */
export const responseSchemas: Readonly<Record<string, JsonMap>> = {
  ChatCompletion: answer(
    "chat.completion",
    object({
      index: integer,
      message: object({ role: { const: "assistant" }, content: text, refusal: { type: "null" } }),
      logprobs: chatLogprobs,
      finish_reason: finishReason,
    }),
  ),
  ChatCompletionChunk: chunk(
    "chat.completion.chunk",
    object({
      index: integer,
      delta: object({ role: { const: "assistant" }, content: text }, []),
      logprobs: chatLogprobs,
      finish_reason: finishReason,
    }),
  ),
  Completion: answer("text_completion", completionChoice),
  CompletionChunk: chunk("text_completion", completionChoice),
  Model: object({
    id: text,
    object: { const: "model" },
    created: integer,
    owned_by: text,
    max_model_len: integer,
  }),
  ModelList: object({ object: { const: "list" }, data: list({ $ref: "#/components/schemas/Model" }) }),
  TokenizeResponse: object({
    count: integer,
    max_model_len: integer,
    tokens: list(integer),
    token_strs: { anyOf: [list(text), { type: "null" }] },
  }),
  DetokenizeResponse: object({ prompt: text }),
  HealthReport: object(
    {
      status: { enum: ["healthy", "degraded", "unhealthy"] },
      reasons: list(text),
      checks: { type: "object" },
    },
    ["status", "reasons"],
  ),
  ServerHealth: { allOf: [{ $ref: "#/components/schemas/HealthReport" }, serverFields] },
  Devices: object({
    memory: object({ totalBytes: integer, freeBytes: integer, limitedBy: text }),
    gpus: { type: "object" },
  }),
  Version: object({ version: text }),
  Server: object({
    name: { const: "infernode" },
    description: text,
    version: text,
    model: textOrNull,
    links: { type: "object", additionalProperties: text },
  }),
  Error: object({
    error: object({
      message: text,
      type: { enum: errorTypes },
      param: { ...textOrNull, description: "The field of the request that is at fault." },
      code: { enum: Object.keys(errorCatalog) },
    }),
  }),
};
