import { chatRules } from "../api/openai/chat-schema.ts";
import { completionRules } from "../api/openai/completion-schema.ts";
import type { JsonMap } from "../api/shared/body/fields.ts";
import type { BodyRules } from "../api/shared/body/parse-body.ts";
import { responseSchemas } from "../api/openai/response-schemas.ts";
import { detokenizeRules, tokenizeRules } from "../api/openai/tokenize-schema.ts";
import { commonHeaders, errorResponses, responseHeaders, type RouteKind } from "./openapi-errors.ts";
import { describeRequest, type DescribedModel } from "../api/shared/body/describe-body.ts";

function ref(name: string): JsonMap {
  return { $ref: `#/components/schemas/${name}` };
}

function json(description: string, schema: JsonMap): JsonMap {
  return { description, headers: commonHeaders, content: { "application/json": { schema } } };
}

/** A report, or that the server has no room for the request. */
function orError(name: string): JsonMap {
  return { anyOf: [ref(name), ref("Error")] };
}

/** Of a stream the schema is that of one event, as tools read OpenAPI 3.1; what its data holds is JSON in a text. */
function events(name: string): JsonMap {
  const json = { contentMediaType: "application/json", contentSchema: { oneOf: [ref(name), ref("Error")] } };
  return {
    "text/event-stream": {
      schema: {
        type: "object",
        description:
          `One event of the stream. Its \`data\` is a \`${name}\` as JSON; the last one is \`[DONE]\`, or an \`Error\` ` +
          "as JSON where the answer fails after it began. Comments (`: ping`) come while there is nothing to say.",
        properties: { data: { type: "string", anyOf: [json, { const: "[DONE]" }] } },
        required: ["data"],
      },
    },
  };
}

interface Post {
  readonly id: string;
  readonly summary: string;
  readonly tag: string;
  readonly kind: RouteKind;
  readonly request: string;
  readonly response: string;
  readonly chunk?: string;
  readonly example: JsonMap;
}

function post({ id, summary, tag, kind, request, response, chunk, example }: Post): JsonMap {
  const isStreamed = chunk !== undefined;
  return {
    post: {
      operationId: id,
      summary,
      tags: [tag],
      requestBody: { required: true, content: { "application/json": { schema: ref(request), example } } },
      responses: {
        200: {
          description: isStreamed ? "The answer; with `stream: true` as server-sent events" : "The answer",
          headers: commonHeaders,
          content: {
            "application/json": { schema: ref(response) },
            ...(isStreamed ? events(chunk) : {}),
          },
        },
        ...errorResponses(kind),
      },
    },
  };
}

interface Get {
  readonly id: string;
  readonly summary: string;
  readonly tag: string;
  readonly kind?: RouteKind;
  readonly parameters?: readonly JsonMap[];
}

function get({ id, summary, tag, kind = "plain", parameters }: Get, responses: JsonMap): JsonMap {
  const described = parameters === undefined ? {} : { parameters };
  return {
    get: {
      operationId: id,
      summary,
      tags: [tag],
      ...described,
      responses: { ...errorResponses(kind), ...responses },
    },
  };
}

const paths = (model: string): JsonMap => ({
  "/v1/chat/completions": post({
    id: "createChatCompletion",
    summary: "Answers a conversation",
    tag: "OpenAI",
    kind: "messages",
    request: "ChatCompletionRequest",
    response: "ChatCompletion",
    chunk: "ChatCompletionChunk",
    example: { model, messages: [{ role: "user", content: "Tell me a story." }], max_tokens: 64 },
  }),
  "/v1/completions": post({
    id: "createCompletion",
    summary: "Goes on from a text",
    tag: "OpenAI",
    kind: "prompt",
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
  "/v1/models/{id}": get(
    {
      id: "retrieveModel",
      summary: "Describes one model",
      tag: "OpenAI",
      kind: "model",
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
    },
    { 200: json("The model", ref("Model")) },
  ),
  "/tokenize": post({
    id: "tokenize",
    summary: "Tokenizes a prompt as a generation would",
    tag: "Service",
    kind: "messages",
    request: "TokenizeRequest",
    response: "TokenizeResponse",
    example: { prompt: "Once upon a time" },
  }),
  "/detokenize": post({
    id: "detokenize",
    summary: "Makes text of tokens, special ones included",
    tag: "Service",
    kind: "prompt",
    request: "DetokenizeRequest",
    response: "DetokenizeResponse",
    example: { tokens: [1, 2, 3] },
  }),
  "/health/live": get(
    { id: "liveness", summary: "Whether the process works", tag: "Service" },
    {
      200: json("It does", ref("HealthReport")),
      503: json("It should be restarted", orError("HealthReport")),
    },
  ),
  "/health/ready": get(
    { id: "readiness", summary: "Whether requests are answered now", tag: "Service" },
    {
      200: json("They are", ref("HealthReport")),
      503: json("Loading, draining or stalled; `reasons` says why", orError("HealthReport")),
    },
  ),
  "/health": get(
    { id: "health", summary: "Everything about the server's health", tag: "Service" },
    {
      200: json("Ready", ref("ServerHealth")),
      503: json("Not ready", orError("ServerHealth")),
    },
  ),
  "/metrics": get(
    { id: "metrics", summary: "Metrics in Prometheus' text format", tag: "Service" },
    {
      200: {
        description: "The metrics",
        headers: commonHeaders,
        content: { "text/plain": { schema: { type: "string" } } },
      },
    },
  ),
  "/v1/system/devices": get(
    { id: "systemDevices", summary: "The memory and the GPUs of the machine", tag: "Service" },
    {
      200: json("The devices; `gpus.reason` says why there is no GPU", ref("Devices")),
    },
  ),
  "/": get(
    { id: "server", summary: "What this server is, and where what is", tag: "Service" },
    { 200: json("The server", ref("Server")) },
  ),
  "/openapi.json": get(
    { id: "openapi", summary: "This document", tag: "Service" },
    { 200: json("The document", { type: "object" }) },
  ),
  "/version": get(
    { id: "version", summary: "The server's version", tag: "Service" },
    {
      200: json("The version", ref("Version")),
    },
  ),
});

/**
 * Describes the API in OpenAPI 3.1, its request bodies from the schemas that check them.
 * @param about the product's version, and the model that the examples ask
 */
export function createOpenApiDocument(about: {
  readonly version: string;
  readonly model: DescribedModel;
}): JsonMap {
  const { version, model } = about;
  const request = <Body>(rules: BodyRules<Body>): JsonMap => describeRequest(rules, model);
  return {
    openapi: "3.1.0",
    info: {
      title: "Infernode",
      version,
      description:
        "An OpenAI-compatible server for language models. What is `null` counts as absent; a parameter that would " +
        "have no effect where it should have one is refused by name. Any other path is answered with 404 " +
        "(`unknown_url`), any other method of a path with 405 (`method_not_allowed`). What the schemas cannot say is " +
        "in docs/http-api.md.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [],
    paths: paths(model.id),
    components: {
      headers: responseHeaders,
      schemas: {
        ChatCompletionRequest: request(chatRules),
        CompletionRequest: request(completionRules),
        TokenizeRequest: request(tokenizeRules),
        DetokenizeRequest: request(detokenizeRules),
        ...responseSchemas,
      },
    },
  };
}
