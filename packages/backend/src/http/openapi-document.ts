import type { Codec, DescribedModel } from "../api/shared/codec.ts";
import { refSchema, type JsonMap, type NamedSchema } from "../api/shared/json-schema.ts";
import type { WireFormat, WireFormats } from "../api/shared/wire-format.ts";
import { commonHeaders, errorResponses, responseHeaders } from "./openapi-errors.ts";
import type { RouteAnswer, ServiceRoute } from "./service-route.ts";

/** What the document is made of. */
export interface OpenApiParts {
  readonly version: string;
  /** The examples name it, so that they work as they are. */
  readonly model: DescribedModel;
  readonly formats: WireFormats;
  readonly routes: readonly ServiceRoute[];
}

/** One event of a stream: its schema is that of the event, as tools read OpenAPI 3.1; its data is JSON as a text. */
function eventSchema(chunk: NamedSchema, { errors, streamEnd }: WireFormat): JsonMap {
  const name = errors.schema.name;
  const end = typeof streamEnd === "object" ? streamEnd.data : streamEnd;
  const last = end === undefined ? "" : `\`${end}\`, or `;
  const json = {
    contentMediaType: "application/json",
    contentSchema: { oneOf: [refSchema(chunk.name), refSchema(name)] },
  };
  return {
    type: "object",
    description:
      `One event of the stream. Its \`data\` is a \`${chunk.name}\` as JSON; the last one is ${last}an \`${name}\` ` +
      "as JSON if the answer fails after it began. Comments (`: ping`) are sent while there is nothing to send.",
    properties: {
      data: { type: "string", anyOf: [json, ...(end === undefined ? [] : [{ const: end }])] },
    },
    required: ["data"],
  };
}

function parametersOf({ path, description: { query = [] } }: Codec): readonly JsonMap[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return [
    ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...query.map(({ name, schema }) => ({ name, in: "query", schema })),
  ];
}

function codecOperation(codec: Codec, format: WireFormat): JsonMap {
  const { id, summary, tag = format.name, answer, chunk, errors } = codec.description;
  const isStreamed = chunk !== undefined;
  const parameters = parametersOf(codec);
  return {
    operationId: id,
    summary,
    tags: [tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: {
      200: {
        description: isStreamed ? "The answer; with `stream: true` as server-sent events" : "The answer",
        headers: commonHeaders,
        content: {
          "application/json": { schema: refSchema(answer.name) },
          ...(isStreamed ? { "text/event-stream": { schema: eventSchema(chunk, format) } } : {}),
        },
      },
      ...errorResponses(errors, format.errors),
    },
  };
}

function codecPath(codec: Codec, format: WireFormat, model: DescribedModel): readonly [string, JsonMap] {
  const { body } = codec.description;
  const operation = codecOperation(codec, format);
  if (body === undefined) return [codec.path, { [(codec.method ?? "POST").toLowerCase()]: operation }];
  const content = { schema: refSchema(body.name), example: body.example(model) };
  const requestBody = { required: true, content: { "application/json": content } };
  return [codec.path, { post: { ...operation, requestBody } }];
}

/** @param error the response of an error with the same status */
function routeResponse(
  { description, schema, mediaType = "application/json" }: RouteAnswer,
  error: unknown,
): JsonMap {
  const own = refSchema(schema.name);
  const { content, headers = commonHeaders } = (error ?? {}) as {
    readonly headers?: JsonMap;
    readonly content?: { readonly "application/json": { readonly schema: JsonMap } };
  };
  const both = content === undefined ? own : { anyOf: [own, content["application/json"].schema] };
  return { description, headers, content: { [mediaType]: { schema: both } } };
}

function routePath(route: ServiceRoute, { errors }: WireFormat): readonly [string, JsonMap] {
  const failures = errorResponses([], errors);
  const answers = Object.entries(route.answers).map(([status, answer]) => [
    status,
    routeResponse(answer, failures[Number(status)]),
  ]);
  const { id: operationId, summary } = route;
  const responses = { ...failures, ...Object.fromEntries(answers) };
  return [route.path, { get: { operationId, summary, tags: ["Service"], responses } }];
}

function codecSchemas({ description }: Codec, model: DescribedModel): readonly NamedSchema[] {
  const { body, answer, chunk } = description;
  return [
    ...(body === undefined ? [] : [{ name: body.name, schema: body.schema(model) }]),
    answer,
    ...(chunk === undefined ? [] : [chunk]),
  ];
}

function allSchemas({ formats, routes, model }: OpenApiParts): readonly NamedSchema[] {
  return [
    ...formats.flatMap(({ codecs, errors }) => [
      ...codecs.flatMap((codec) => codecSchemas(codec, model)),
      errors.schema,
    ]),
    ...routes.flatMap(({ answers }) => Object.values(answers).map(({ schema }) => schema)),
  ];
}

/** A path may have several methods, each from a codec of its own. */
function mergePaths(entries: readonly (readonly [string, JsonMap])[]): JsonMap {
  const paths = new Map<string, JsonMap>();
  for (const [path, methods] of entries) paths.set(path, { ...paths.get(path), ...methods });
  return Object.fromEntries(paths);
}

/** Describes the API in OpenAPI 3.1, as the codecs and the routes describe themselves. */
export function createOpenApiDocument(parts: OpenApiParts): JsonMap {
  const { version, model, formats, routes } = parts;
  const codecPaths = formats.flatMap((format) =>
    format.codecs.map((codec) => codecPath(codec, format, model)),
  );
  return {
    openapi: "3.1.0",
    info: {
      title: "Infernode",
      version,
      description:
        `${describeServer(formats)}. What is \`null\` counts as absent; a parameter that would have no effect where it ` +
        "should have one is rejected by name. Any other path is answered with 404 (`unknown_url`), any other method " +
        "of a path with 405 (`method_not_allowed`). What the schemas cannot say is in docs/http-api.md.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [],
    paths: mergePaths([...codecPaths, ...routes.map((route) => routePath(route, formats[0]))]),
    components: {
      headers: responseHeaders,
      schemas: Object.fromEntries(allSchemas(parts).map(({ name, schema }) => [name, schema])),
    },
  };
}

/** What the server is, in one phrase. */
export function describeServer(formats: WireFormats): string {
  const names = new Set(formats.map(({ name }) => name));
  return `An ${[...names].join(" and ")}-compatible server for language models`;
}
