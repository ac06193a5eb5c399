import { isRecord } from "../is-record.ts";
import { invalidField } from "../conversation/rejections.ts";
import { BackendError } from "../errors.ts";

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

interface StandardFailure {
  readonly issues: readonly { readonly message: string }[];
}

type StandardResult<Value> = { readonly value: Value; readonly issues?: undefined } | StandardFailure;

/**
 * A schema of a library, such as zod 4.2, that gives a JSON Schema and checks values.
 * @see https://standardschema.dev/json-schema
 */
export interface TypedSchema<Value> {
  readonly "~standard": {
    readonly types?: { readonly output: Value } | undefined;
    readonly jsonSchema: { input(options: { readonly target: "draft-2020-12" }): JsonSchema };
    validate(value: unknown): StandardResult<Value> | Promise<StandardResult<Value>>;
  };
}

/** The schema of an answer. */
export interface AnswerSchema<Value> {
  readonly json: JsonSchema;
  /** Makes the value of an answer. @throws BackendError `INVALID_ANSWER` */
  parse(text: string): Promise<Value>;
}

function isTyped<Value>(schema: object): schema is TypedSchema<Value> {
  const standard = "~standard" in schema ? schema["~standard"] : undefined;
  return isRecord(standard) && isRecord(standard["jsonSchema"]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BackendError("INVALID_ANSWER", "expected JSON, got text that is none", { cause });
  }
}

/** Reads a JSON Schema, or the schema of a library. @throws EngineRequestError `INVALID_REQUEST` */
export function readSchema<Value>(schema: unknown): AnswerSchema<Value> {
  // Functions too: some libraries' schemas can be called.
  const isObject = (typeof schema === "object" && schema !== null) || typeof schema === "function";
  if (isObject && isTyped<Value>(schema)) {
    const { "~standard": standard } = schema;
    return {
      json: standard.jsonSchema.input({ target: "draft-2020-12" }),
      parse: async (text) => {
        const result = await standard.validate(parseJson(text));
        if (result.issues === undefined) return result.value;
        const messages = result.issues.map(({ message }) => message).join("; ");
        throw new BackendError(
          "INVALID_ANSWER",
          `expected a value that the schema accepts, got one it rejects: ${messages}`,
        );
      },
    };
  }
  if (isObject && "~standard" in schema) {
    throw invalidField(
      "schema",
      "a schema whose library gives its JSON Schema (`~standard.jsonSchema`)",
      "one that does not",
    );
  }
  if (!isRecord(schema)) throw invalidField("schema", "a JSON Schema", schema);
  // The answer was made to match the schema.
  return { json: schema, parse: async (text) => parseJson(text) as Value };
}
