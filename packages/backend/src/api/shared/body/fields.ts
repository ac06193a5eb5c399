import { z } from "zod";
import type { JsonMap } from "../json-schema.ts";

/** The zod fields of a body that is described by an interface; a parameter that may be absent says `| undefined`. */
export type FieldsOf<Body> = { readonly [Name in keyof Body]-?: z.ZodType<Body[Name]> };

/*
 * The messages of these schemas are what is expected, as a phrase; `parseBody` adds the field's name and the value
 * that it got. The length of an array is checked before its elements: an array of a million wrong elements would
 * otherwise make a million messages.
 */

/** A number in a closed range, or above `min` where `isMinExcluded`. */
export function numberField(
  range: { readonly min: number; readonly max?: number; readonly isMinExcluded?: boolean },
  description: string,
): z.ZodType<number> {
  const { min, max, isMinExcluded = false } = range;
  const lower = isMinExcluded ? `above ${min}` : `from ${min}`;
  const error =
    max === undefined
      ? `a number ${isMinExcluded ? lower : `of at least ${min}`}`
      : `a number ${lower} to ${max}`;
  const number = isMinExcluded
    ? z.number({ error }).gt(min, { error })
    : z.number({ error }).gte(min, { error });
  return (max === undefined ? number : number.lte(max, { error })).describe(description);
}

/** An integer in a closed range. */
export function integerField(
  range: { readonly min: number; readonly max?: number },
  description: string,
): z.ZodType<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = range;
  const error = `an integer from ${min} to ${max}`;
  return z.int({ error }).gte(min, { error }).lte(max, { error }).describe(description);
}

/** The `format` of token ids in schemas: the document puts the size of the vocabulary there. */
export const tokenIdFormat = "token-id";

/** The id of a token. Whether the model has it is checked where the model is known. */
export function tokenIdField(): z.ZodType<number> {
  return z.int({ error: "a token id" }).gte(0, { error: "a token id" }).meta({ format: tokenIdFormat });
}

/** `true` or `false`. */
export function flagField(description: string): z.ZodType<boolean> {
  return z.boolean({ error: "true or false" }).describe(description);
}

/** A text. */
export function textField(description: string): z.ZodType<string> {
  return z.string({ error: "a string" }).describe(description);
}

/** An array of at most `max` elements, which are checked only then. */
export function arrayField<Element>(
  element: z.ZodType<Element>,
  options: { readonly min?: number; readonly max: number; readonly of: string },
): z.ZodType<readonly Element[]> {
  const { min = 0, max, of } = options;
  const error = min === 0 ? `an array of at most ${max} ${of}` : `an array of ${min} to ${max} ${of}`;
  // The JSON Schema of a pipe is that of its end, which has no bounds.
  const bounds = { ...(min === 0 ? {} : { minItems: min }), maxItems: max };
  return z
    .array(z.unknown(), { error })
    .min(min, { error })
    .max(max, { error })
    .pipe(z.array(element))
    .meta(bounds);
}

/** Leaves out what is `null`, which counts as absent; the same object where nothing is. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  const present = entries.filter(([, each]) => each !== null);
  return present.length === entries.length ? value : Object.fromEntries(present);
}

/**
 * Puts in front of a schema of objects that a field that is `null` counts as absent, known or not: clients send back
 * whole objects with the fields that they left empty.
 */
export function nullIsAbsent<Value>(schema: z.ZodType<Value>): z.ZodType<Value> {
  return z.preprocess(withoutNulls, schema);
}

/** An object with known fields. */
export function objectField<Value extends object>(
  fields: FieldsOf<Value>,
  error = "an object",
): z.ZodType<Value> {
  return nullIsAbsent(z.strictObject(fields, { error }) as unknown as z.ZodType<Value>);
}

/**
 * An object with any keys. Its content is checked where it is used.
 * @param about JSON Schemas, for the document only
 */
export function mapField(
  about: { readonly values?: JsonMap; readonly names?: JsonMap },
  description: string,
): z.ZodType<JsonMap> {
  const { values = {}, names } = about;
  return z.looseObject({}, { error: "an object" }).meta({
    description,
    additionalProperties: { ...values },
    ...(names === undefined ? {} : { propertyNames: { ...names } }),
  });
}
