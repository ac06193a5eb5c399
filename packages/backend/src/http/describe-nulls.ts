import type { JsonMap } from "../openai/fields.ts";

function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const noValue: JsonMap = { type: "null" };

/** The schema of a field that may also be `null`. */
function orNull(schema: unknown): unknown {
  if (!isMap(schema)) return schema;
  const { description, ...rest } = schema;
  const takesAnything = Object.keys(rest).length === 0 || rest["type"] === "null";
  if (takesAnything) return schema;
  const about = description === undefined ? {} : { description };
  const isPlainType =
    typeof rest["type"] === "string" && rest["const"] === undefined && rest["enum"] === undefined;
  if (isPlainType) return { ...about, ...rest, type: [rest["type"], "null"] };
  if (Array.isArray(rest["anyOf"]) && Object.keys(rest).length === 1) {
    return { ...about, anyOf: [...(rest["anyOf"] as readonly unknown[]), noValue] };
  }
  return { ...about, anyOf: [rest, noValue] };
}

/**
 * Says in the schemas of a request what `parseBody` does: of an object with known fields, one that is not
 * required may be `null`, and so may any other. Bounds that are texts become integers with all of their digits.
 */
export function describeNulls(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(describeNulls);
  if (!isMap(schema)) return schema;
  const described: Record<string, unknown> = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => {
      const isBound = typeof value === "string" && (name === "minimum" || name === "maximum");
      return [name, isBound ? BigInt(value) : describeNulls(value)];
    }),
  );
  const { properties, required = [], additionalProperties } = described;
  if (!isMap(properties) || additionalProperties !== false) return described;
  const needed = new Set(required as readonly string[]);
  const entries = Object.entries(properties).map(([name, value]) => [
    name,
    needed.has(name) ? value : orNull(value),
  ]);
  return { ...described, properties: Object.fromEntries(entries), additionalProperties: noValue };
}
