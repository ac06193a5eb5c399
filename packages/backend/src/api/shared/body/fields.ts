import { z } from "zod";

/** The zod fields of a body that is described by an interface; a parameter that may be absent says `| undefined`. */
export type FieldsOf<Body> = { readonly [Name in keyof Body]-?: z.ZodType<Body[Name]> };

/** Any JSON object. */
export type JsonMap = Readonly<Record<string, unknown>>;

/*
 * Every message of these schemas says what is wanted, as a phrase; `parseBody` adds the field's name and what
 * was found. Arrays are measured before their elements are looked at: an array of a million wrong elements
 * would otherwise make a million messages.
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

/** The id of a token. The document tells how many there are; `format` is where it looks for that. */
export const tokenIdFormat = "token-id";

/** The id of a token; whether the model has it is checked by whoever knows the model. */
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

/** An array of at most `max` elements, which are looked at only when it is. */
export function arrayField<Element>(
  element: z.ZodType<Element>,
  options: { readonly min?: number; readonly max: number; readonly of: string },
): z.ZodType<readonly Element[]> {
  const { min = 0, max, of } = options;
  const error = min === 0 ? `an array of at most ${max} ${of}` : `an array of ${min} to ${max} ${of}`;
  // A schema made of a pipe tells its end, which has no bounds.
  const bounds = { ...(min === 0 ? {} : { minItems: min }), maxItems: max };
  return z
    .array(z.unknown(), { error })
    .min(min, { error })
    .max(max, { error })
    .pipe(z.array(element))
    .meta(bounds);
}

/** Leaves out what is `null`, which counts as absent; the same object where nothing is. */
export function withoutNulls(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  const present = entries.filter(([, each]) => each !== null);
  return present.length === entries.length ? value : Object.fromEntries(present);
}

/**
 * What is in front of a schema of objects with known fields: a field that is `null` counts as absent, be it
 * known or not, as clients send back whole objects of theirs with fields that they left empty.
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
 * An object with any keys; what is in it is checked by whoever uses it.
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
