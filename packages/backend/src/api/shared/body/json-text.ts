import type { JsonMap } from "./fields.ts";

/** Fields that are handed on as the text that the client wrote: templates see its numbers and the order of its keys. */
export const jsonTextFields: readonly string[] = ["chat_template_kwargs"];

const textKey = "json";

/** Stands for an object of a body in whose place its text is kept; survives a thread's channel. */
export function keepJsonText(text: string): JsonMap {
  return { [textKey]: text };
}

/** The text that is kept in a field's place. */
export function jsonTextOf(field: JsonMap | undefined): string | undefined {
  const text = field?.[textKey];
  return typeof text === "string" ? text : undefined;
}
