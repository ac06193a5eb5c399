import type { ConstraintSource } from "@infernode/inference/constraint";
import { z } from "zod";
import { invalidValue } from "../../shared/api-error.ts";
import {
  arrayField,
  flagField,
  nullIsAbsent,
  objectField,
  textField,
  type FieldsOf,
} from "../../shared/body/fields.ts";
import type { JsonMap } from "../../shared/json-schema.ts";

/** `response_format` of OpenAI's API. */
type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json_object" }
  | { readonly type: "json_schema"; readonly json_schema: NamedSchemaBody }
  | StructuralTagBody;

/** vLLM's addition: a structural tag, of which the engine checks what is in it. */
interface StructuralTagBody {
  readonly type: "structural_tag";
  readonly format?: JsonMap | undefined;
  readonly structures?: readonly JsonMap[] | undefined;
  readonly triggers?: readonly string[] | undefined;
}

interface NamedSchemaBody {
  readonly name: string;
  readonly description?: string | undefined;
  readonly schema?: JsonMap | undefined;
  readonly strict?: boolean | undefined;
}

/** `structured_outputs` of vLLM's API. */
interface StructuredOutputs {
  readonly json?: JsonMap | string | boolean | undefined;
  readonly json_object?: boolean | undefined;
  readonly regex?: string | undefined;
  readonly choice?: readonly string[] | undefined;
  readonly grammar?: string | undefined;
  readonly structural_tag?: JsonMap | string | undefined;
  readonly disable_any_whitespace?: boolean | undefined;
}

/** What an answer must match, as it is asked for. */
export interface StructuredBody {
  readonly response_format: ResponseFormat | undefined;
  readonly structured_outputs: StructuredOutputs | undefined;
}

const maxChoices = 10_000;
const outputKinds = "`json`, `json_object`, `regex`, `choice`, `grammar` and `structural_tag`";

/** A JSON schema, which the engine checks. */
export const schemaField: z.ZodType<JsonMap> = z.looseObject({}, { error: "a JSON schema" }).meta({
  description: "A JSON schema; docs/structured-output.md lists the keywords that are enforced.",
});

const formatField = z.looseObject({}, { error: "a format of a structural tag" }).meta({
  description: "A format of XGrammar; docs/structured-output.md lists those that are enforced.",
});

const structuralTag = z.strictObject({
  type: z.literal("structural_tag"),
  format: formatField.optional(),
  structures: arrayField(
    z.looseObject({}, { error: "an object with begin, schema and end" }).meta({
      description: "The older form: `begin`, `schema` and `end`.",
    }),
    { min: 1, max: maxChoices, of: "objects with begin, schema and end" },
  ).optional(),
  triggers: arrayField(z.string({ error: "a string" }), { min: 1, max: maxChoices, of: "strings" })
    .describe("Of `structures`: texts with which they begin.")
    .optional(),
});

const responseFormat = nullIsAbsent(
  z.discriminatedUnion(
    "type",
    [
      z.strictObject({ type: z.literal("text") }),
      z.strictObject({ type: z.literal("json_object") }),
      z.strictObject({
        type: z.literal("json_schema"),
        json_schema: objectField<NamedSchemaBody>({
          name: textField("Has no effect."),
          description: textField("Has no effect.").optional(),
          schema: schemaField.optional(),
          strict: flagField("Has no effect: a schema is always enforced.").optional(),
        }),
      }),
      structuralTag,
    ],
    { error: 'an object whose `type` is "text", "json_object", "json_schema" or "structural_tag"' },
  ),
) as z.ZodType<ResponseFormat>;

/** How these parameters are checked; the schemas in them are checked by the engine. */
export const structuredFields: FieldsOf<StructuredBody> = {
  response_format: responseFormat
    .describe(
      "What the answer is: text, any JSON object, JSON of a schema, or a structural tag; enforced token by token.",
    )
    .optional(),
  structured_outputs: objectField<StructuredOutputs>({
    json: z
      .union([schemaField, z.string(), z.boolean()], { error: "a JSON schema, or its JSON text" })
      .optional(),
    json_object: flagField("Any JSON object.").optional(),
    regex: textField("A regular expression that the whole answer matches.").optional(),
    choice: arrayField(z.string({ error: "a string" }), {
      min: 1,
      max: maxChoices,
      of: "strings",
    }).optional(),
    grammar: textField("A grammar in the form of llama.cpp (GBNF) that the whole answer matches.").optional(),
    structural_tag: z
      .union([z.looseObject({}), z.string()], { error: "a structural tag, or its JSON text" })
      .meta({ description: "A structural tag of XGrammar, or its JSON text." })
      .optional(),
    disable_any_whitespace: flagField("JSON without white space. Default false.").optional(),
  })
    .describe(`What the answer matches, as in vLLM: exactly one of ${outputKinds}.`)
    .optional(),
};

/** A constraint, and the parameter that asks for it. */
export interface AskedConstraint {
  readonly source: ConstraintSource;
  readonly param: string;
}

function parseText(text: string, param: string, expected: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalidValue(param, `${expected}, or its JSON text`, { got: text });
  }
}

/** The errors of a structural tag name the place in it. */
function structuralTagSource(structuralTag: unknown, param: string, isCompact = false): AskedConstraint {
  const whitespace = isCompact ? "compact" : "flexible";
  return { source: { part: { structuralTag, whitespace }, name: param }, param };
}

function readStructuredOutputs(given: StructuredOutputs): AskedConstraint {
  const {
    json,
    json_object: isObject,
    regex,
    choice,
    grammar,
    structural_tag: tag,
    disable_any_whitespace: isCompact = false,
  } = given;
  const whitespace = isCompact ? "compact" : "flexible";
  const at = (name: string): string => `structured_outputs.${name}`;
  const asked: AskedConstraint[] = [];
  if (json !== undefined) {
    const jsonSchema = typeof json === "string" ? parseText(json, at("json"), "a JSON schema") : json;
    asked.push({ source: { jsonSchema, whitespace }, param: at("json") });
  }
  if (isObject === true) asked.push({ source: { jsonObject: true, whitespace }, param: at("json_object") });
  if (regex !== undefined) asked.push({ source: { regex }, param: at("regex") });
  if (choice !== undefined) asked.push({ source: { choice }, param: at("choice") });
  if (grammar !== undefined) asked.push({ source: { grammar }, param: at("grammar") });
  if (tag !== undefined) {
    const param = at("structural_tag");
    const parsed = typeof tag === "string" ? parseText(tag, param, "a structural tag") : tag;
    asked.push(structuralTagSource(parsed, param, isCompact));
  }
  const [only] = asked;
  if (only !== undefined && asked.length === 1) return only;
  throw invalidValue("structured_outputs", `exactly one of ${outputKinds}`, { got: given });
}

function readResponseFormat(format: ResponseFormat): AskedConstraint | undefined {
  if (format.type === "text") return undefined;
  if (format.type === "json_object") return { source: { jsonObject: true }, param: "response_format" };
  if (format.type === "structural_tag") return structuralTagSource(format, "response_format");
  const { schema } = format.json_schema;
  const param = "response_format.json_schema.schema";
  if (schema === undefined) throw invalidValue(param, "a JSON schema", { got: schema });
  return { source: { jsonSchema: schema }, param };
}

/** Reads what an answer must match. @throws ApiError 400 */
export function readConstraint(body: Partial<StructuredBody>): AskedConstraint | undefined {
  const { response_format: format, structured_outputs: outputs } = body;
  const byFormat = format && readResponseFormat(format);
  if (outputs === undefined) return byFormat;
  if (byFormat === undefined) return readStructuredOutputs(outputs);
  throw invalidValue("structured_outputs", "nothing beside `response_format`", { got: outputs });
}
