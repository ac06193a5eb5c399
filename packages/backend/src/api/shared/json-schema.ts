/** Any JSON object. */
export type JsonMap = Readonly<Record<string, unknown>>;

/** A JSON Schema and its name in the OpenAPI document. */
export interface NamedSchema {
  readonly name: string;
  readonly schema: JsonMap;
}

export const textSchema: JsonMap = { type: "string" };
export const textOrNullSchema: JsonMap = { type: ["string", "null"] };
export const integerSchema: JsonMap = { type: "integer" };
export const numberSchema: JsonMap = { type: "number" };

/** An object with these fields. @param required [all] */
export function objectSchema(
  properties: JsonMap,
  required: readonly string[] = Object.keys(properties),
): JsonMap {
  return { type: "object", properties, required };
}

export function arraySchema(items: JsonMap): JsonMap {
  return { type: "array", items };
}

/** What the schema describes, or `null`. */
export function orNullSchema(schema: JsonMap): JsonMap {
  return { anyOf: [schema, { type: "null" }] };
}

/** Refers to a schema of the OpenAPI document. */
export function refSchema(name: string): JsonMap {
  return { $ref: `#/components/schemas/${name}` };
}
