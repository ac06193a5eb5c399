import { isRecord } from "../../../is-record.ts";
import type { JsonMap } from "../json-schema.ts";
import { tokenIdFormat } from "./fields.ts";

const noValue: JsonMap = { type: "null" };

/** The schema of a field that may also be `null`. */
function orNull(schema: unknown): unknown {
  if (!isRecord(schema)) return schema;
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

/** Writes the bounds of one value; those that are texts are integers with all of their digits. */
function describeBounds(schema: JsonMap, vocabSize: number | undefined): JsonMap {
  const bounds = ["minimum", "maximum"].flatMap((name) => {
    const bound = schema[name];
    return typeof bound === "string" ? [[name, BigInt(bound)]] : [];
  });
  const lastToken =
    schema["format"] === tokenIdFormat && vocabSize !== undefined ? { maximum: vocabSize - 1 } : {};
  return { ...schema, ...Object.fromEntries(bounds), ...lastToken };
}

/**
 * Adds to the schemas of a request what zod's cannot say: in an object with known fields, a field that is not
 * required may be `null`, and so may any unknown one; and the bounds of 64-bit integers and of token ids.
 * @param vocabSize of the model; `undefined` while none is loaded
 */
export function describeFields(schema: unknown, vocabSize: number | undefined): unknown {
  if (Array.isArray(schema)) return schema.map((each) => describeFields(each, vocabSize));
  if (!isRecord(schema)) return schema;
  const described: JsonMap = Object.fromEntries(
    Object.entries(describeBounds(schema, vocabSize)).map(([name, value]) => [
      name,
      describeFields(value, vocabSize),
    ]),
  );
  const { properties, required = [], additionalProperties } = described;
  if (!isRecord(properties) || additionalProperties !== false) return described;
  const needed = new Set(required as readonly string[]);
  const entries = Object.entries(properties).map(([name, value]) => [
    name,
    needed.has(name) ? value : orNull(value),
  ]);
  return { ...described, properties: Object.fromEntries(entries), additionalProperties: noValue };
}
