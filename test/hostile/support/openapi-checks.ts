import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Schema } from "./schema-arbitrary.ts";

interface Media {
  readonly schema: Schema;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly content: Readonly<Record<string, Media>>;
        readonly headers?: Readonly<Record<string, Schema>>;
      }
    >
  >;
}

/** What this reads of an OpenAPI document. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Compares what a server does with what its document says. */
export interface OpenApiChecks {
  /** The schema of a body. */
  requestSchema(path: string): Schema;
  isValidRequest(path: string, body: unknown): boolean;
  /** What of an answer is not as described; empty where all is. */
  problems(method: string, path: string, answer: Answer): readonly string[];
}

function pointer(...parts: readonly (string | number)[]): string {
  return parts
    .map((part) => `/${encodeURIComponent(String(part).replaceAll("~", "~0").replaceAll("/", "~1"))}`)
    .join("");
}

/** The last name of a reference. */
function nameOf($ref: unknown): string {
  return typeof $ref === "string" ? ($ref.split("/").at(-1) ?? "") : "";
}

/** Names of the schemas that others are put together of: they cannot be closed. */
function partNames(document: OpenApiDocument): ReadonlySet<string> {
  const all = Object.values(document.components.schemas);
  const parts = all.flatMap((schema) => (schema["allOf"] ?? []) as readonly Schema[]);
  return new Set(parts.map((part) => nameOf(part["$ref"])));
}

/** Takes no field that is not described. */
function close(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(close);
  if (typeof schema !== "object" || schema === null) return schema;
  const closed = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, name === "allOf" ? value : close(value)]),
  );
  const isOpen = "properties" in closed && !("additionalProperties" in closed);
  return isOpen ? { ...closed, additionalProperties: false } : closed;
}

function closeAnswers(document: OpenApiDocument): OpenApiDocument {
  const parts = partNames(document);
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => [
    name,
    parts.has(name) ? schema : close(schema),
  ]);
  return { ...document, components: { schemas: Object.fromEntries(schemas) as Record<string, Schema> } };
}

/** An event, with or without a name. */
const eventPattern = /^(?:event: ([\w.]+)\n)?data: (.*)$/;

interface SentEvent {
  readonly name: string | undefined;
  readonly data: string;
}

/** The events of a stream, without comments; one that is written in another way is `undefined`. */
function eventsOf(text: string): readonly (SentEvent | undefined)[] {
  return text
    .split("\n\n")
    .filter((event) => event !== "" && !event.startsWith(": "))
    .map((event) => {
      const [, name, data] = eventPattern.exec(event) ?? [];
      return data === undefined ? undefined : { name, data };
    });
}

const lastNames = new Set(["message_stop", "response.completed", "response.incomplete", "error"]);

/** How a stream ends: by its format, or by an error. */
function isEnd(event: SentEvent | undefined): boolean {
  if (event === undefined) return false;
  return (
    event.data === "[DONE]" ||
    lastNames.has(event.name ?? "") ||
    /^\{(?:"type":"error",)?"error":/.test(event.data)
  );
}

/** Creates the checks of one document. */
export function createOpenApiChecks(document: OpenApiDocument): OpenApiChecks {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(closeAnswers(document), "api");
  const validator = (...parts: readonly (string | number)[]): ValidateFunction => {
    const found = ajv.getSchema(`api#${pointer(...parts)}`);
    if (found === undefined) throw new Error(`no schema at ${parts.join(" ")}`);
    return found;
  };
  const errorsOf = (validate: ValidateFunction, value: unknown, what: string): readonly string[] =>
    validate(value) ? [] : [`${what}: ${ajv.errorsText(validate.errors)}`];

  function eventProblems(text: string, place: readonly (string | number)[]): readonly string[] {
    const validate = validator(...place, "schema", "properties", "data", "anyOf", 0, "contentSchema");
    const events = eventsOf(text);
    return [
      ...events.flatMap((event) => {
        if (event === undefined) return ["no event"];
        return event.data === "[DONE]" ? [] : errorsOf(validate, JSON.parse(event.data), "event");
      }),
      ...(isEnd(events.at(-1)) ? [] : ["the stream has no end"]),
    ];
  }

  return {
    requestSchema(path) {
      const { $ref } = document.paths[path]?.["post"]?.requestBody?.content["application/json"]?.schema ?? {};
      return document.components.schemas[nameOf($ref)] ?? {};
    },
    isValidRequest: (path, body) =>
      validator("paths", path, "post", "requestBody", "content", "application/json", "schema")(body),
    problems(method, path, { status, headers, text }) {
      const response = document.paths[path]?.[method]?.responses[status];
      if (response === undefined) return [`status ${status} is not described`];
      const media = (headers.get("content-type") ?? "").split(";", 1)[0] ?? "";
      const described = response.content[media];
      if (described === undefined) return [`${media} is not described for ${status}`];
      const missing = Object.keys(response.headers ?? {}).filter((name) => !headers.has(name));
      const place = ["paths", path, method, "responses", status, "content", media];
      const problems = missing.map((name) => `the header ${name} is missing`);
      if (media === "text/event-stream") return [...problems, ...eventProblems(text, place)];
      const body: unknown = media === "application/json" ? JSON.parse(text) : text;
      return [...problems, ...errorsOf(validator(...place, "schema"), body, `body of ${status}`)];
    },
  };
}
