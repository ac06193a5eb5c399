import type { JsonMap } from "../json-schema.ts";

const textKey = "json";

/** Stands in a body for an object of which the text is kept; can be sent between threads. */
export function keepJsonText(text: string): JsonMap {
  return { [textKey]: text };
}

/** The text of such an object. */
export function jsonTextOf(field: JsonMap | undefined): string | undefined {
  const text = field?.[textKey];
  return typeof text === "string" ? text : undefined;
}
