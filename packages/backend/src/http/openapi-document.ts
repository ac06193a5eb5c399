import { z } from "zod";
import { chatRules } from "../openai/chat-schema.ts";
import { completionRules } from "../openai/completion-schema.ts";
import type { JsonMap } from "../openai/fields.ts";
import { describeNulls } from "./describe-nulls.ts";
import { responseSchemas } from "../openai/response-schemas.ts";
import { detokenizeRules, tokenizeRules } from "../openai/tokenize-schema.ts";

function schemaOf(schema: z.ZodType): JsonMap {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12" });
  return describeNulls(rest) as JsonMap;
}

function ref(name: string): JsonMap {
  return { $ref: `#/components/schemas/${name}` };
}

function json(description: string, schema: JsonMap): JsonMap {
  return { description, content: { "application/json": { schema } } };
}

function errors(...statuses: readonly (readonly [number, string])[]): JsonMap {
  return Object.fromEntries(
    statuses.map(([status, description]) => [status, json(description, ref("Error"))]),
  );
}

const generationErrors = errors(
  [
    400,
    "A parameter is wrong, unknown or not supported; or the context is too long (`context_length_exceeded`)",
  ],
  [404, "The model is not served here (`model_not_found`)"],
  [413, "The body is too large"],
  [415, "The body is not declared as JSON"],
  [429, "The queue is full; `retry-after` says when to try again"],
  [500, "The engine failed"],
  [503, "The model loads, or the server drains; `retry-after` says when to try again"],
);

interface Post {
  readonly id: string;
  readonly summary: string;
  readonly tag: string;
  readonly request: string;
  readonly response: string;
  readonly chunk?: string;
  readonly example: JsonMap;
}

function post({ id, summary, tag, request, response, chunk, example }: Post): JsonMap {
  const events = chunk === undefined ? {} : { "text/event-stream": { schema: ref(chunk) } };
  return {
    post: {
      operationId: id,
      summary,
      tags: [tag],
      requestBody: { required: true, content: { "application/json": { schema: ref(request), example } } },
      responses: {
        200: {
          description:
            chunk === undefined ? "The answer" : "The answer; with `stream: true` as server-sent events",
          content: { "application/json": { schema: ref(response) }, ...events },
        },
        ...generationErrors,
      },
    },
  };
}

function get(
  about: { readonly id: string; readonly summary: string; readonly tag: string },
  responses: JsonMap,
): JsonMap {
  return { get: { operationId: about.id, summary: about.summary, tags: [about.tag], responses } };
}

const paths = (model: string): JsonMap => ({
  "/v1/chat/completions": post({
    id: "createChatCompletion",
    summary: "Answers a conversation",
    tag: "OpenAI",
    request: "ChatCompletionRequest",
    response: "ChatCompletion",
    chunk: "ChatCompletionChunk",
    example: { model, messages: [{ role: "user", content: "Tell me a story." }], max_tokens: 64 },
  }),
  "/v1/completions": post({
    id: "createCompletion",
    summary: "Goes on from a text",
    tag: "OpenAI",
    request: "CompletionRequest",
    response: "Completion",
    chunk: "CompletionChunk",
    example: { model, prompt: "Once upon a time", max_tokens: 64 },
  }),
  "/v1/models": get(
    { id: "listModels", summary: "Lists the served models", tag: "OpenAI" },
    {
      200: json("The models; none while the model loads", ref("ModelList")),
    },
  ),
  "/v1/models/{id}": {
    get: {
      operationId: "retrieveModel",
      summary: "Describes one model",
      tags: ["OpenAI"],
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
      responses: { 200: json("The model", ref("Model")), ...errors([404, "The model is not served here"]) },
    },
  },
  "/tokenize": post({
    id: "tokenize",
    summary: "Tokenizes a prompt as a generation would",
    tag: "Service",
    request: "TokenizeRequest",
    response: "TokenizeResponse",
    example: { prompt: "Once upon a time" },
  }),
  "/detokenize": post({
    id: "detokenize",
    summary: "Makes text of tokens, special ones included",
    tag: "Service",
    request: "DetokenizeRequest",
    response: "DetokenizeResponse",
    example: { tokens: [1, 2, 3] },
  }),
  "/health/live": get(
    { id: "liveness", summary: "Whether the process works", tag: "Service" },
    {
      200: json("It does", ref("HealthReport")),
      503: json("It should be restarted", ref("HealthReport")),
    },
  ),
  "/health/ready": get(
    { id: "readiness", summary: "Whether requests are answered now", tag: "Service" },
    {
      200: json("They are", ref("HealthReport")),
      503: json("Loading, draining or stalled; `reasons` says why", ref("HealthReport")),
    },
  ),
  "/health": get(
    { id: "health", summary: "Everything about the server's health", tag: "Service" },
    {
      200: json("Ready", ref("HealthReport")),
      503: json("Not ready", ref("HealthReport")),
    },
  ),
  "/metrics": get(
    { id: "metrics", summary: "Metrics in Prometheus' text format", tag: "Service" },
    {
      200: { description: "The metrics", content: { "text/plain": { schema: { type: "string" } } } },
    },
  ),
  "/v1/system/devices": get(
    { id: "systemDevices", summary: "The memory and the GPUs of the machine", tag: "Service" },
    {
      200: json("The devices; `gpus.reason` says why there is no GPU", { type: "object" }),
    },
  ),
  "/version": get(
    { id: "version", summary: "The server's version", tag: "Service" },
    {
      200: json("The version", { type: "object", properties: { version: { type: "string" } } }),
    },
  ),
});

/**
 * Describes the API in OpenAPI 3.1, its request bodies from the schemas that check them.
 * @param about the product's version, and the model that the examples ask
 */
export function createOpenApiDocument(about: { readonly version: string; readonly model: string }): JsonMap {
  const { version, model } = about;
  return {
    openapi: "3.1.0",
    info: {
      title: "Infernode",
      version,
      description:
        "An OpenAI-compatible server for language models. A parameter that is `null` counts as absent; one that " +
        "would have no effect where it should have one is refused by name.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [],
    paths: paths(model),
    components: {
      schemas: {
        ChatCompletionRequest: schemaOf(chatRules.schema),
        CompletionRequest: schemaOf(completionRules.schema),
        TokenizeRequest: schemaOf(tokenizeRules.schema),
        DetokenizeRequest: schemaOf(detokenizeRules.schema),
        ...responseSchemas,
      },
    },
  };
}
