import { isRecord } from "../is-record.ts";

/** Levels of alternatives that are looked into. */
const maxDepth = 4;

/**
 * The properties of a JSON Schema that are texts or `null`, as far as the schema says so itself: a format without
 * quotes cannot tell a text from another value.
 */
export function textParametersOf(schema: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  const properties = schema?.["properties"];
  if (!isRecord(properties)) return [];
  return Object.entries(properties).flatMap(([name, property]) => {
    const kinds = kindsOf(property, 0);
    return kinds.has("string") && !kinds.has("other") ? [name] : [];
  });
}

type Kind = "string" | "null" | "other";

function kindsOf(schema: unknown, depth: number): ReadonlySet<Kind> {
  if (!isRecord(schema) || depth > maxDepth) return new Set(["other"]);
  const { type, enum: values } = schema;
  if (type !== undefined) return new Set((Array.isArray(type) ? type : [type]).map(kindOfType));
  if (schema["const"] !== undefined) return new Set([kindOfValue(schema["const"])]);
  if (Array.isArray(values)) return new Set(values.map(kindOfValue));
  const options: unknown = schema["anyOf"] ?? schema["oneOf"];
  if (!Array.isArray(options)) return new Set(["other"]);
  return new Set(options.flatMap((option) => Array.from(kindsOf(option, depth + 1))));
}

function kindOfType(type: unknown): Kind {
  return type === "string" || type === "null" ? type : "other";
}

function kindOfValue(value: unknown): Kind {
  return value === null ? "null" : kindOfType(typeof value);
}
