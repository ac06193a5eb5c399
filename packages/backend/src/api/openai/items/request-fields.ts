import { z } from "zod";
import { objectField } from "../../shared/body/fields.ts";
import type { JsonMap } from "../../shared/json-schema.ts";

const maxPairs = 16;
const maxNameCharacters = 64;
const maxValueCharacters = 512;
const maxIdCharacters = 256;

/** What a client notes about an object. */
export type Metadata = Readonly<Record<string, string>>;

const metadataForm = `at most ${maxPairs} strings of at most ${maxValueCharacters} characters, with names of at most ${maxNameCharacters}`;

/** How metadata is checked. */
export const metadataField: z.ZodType<Metadata> = z
  .record(
    z.string().max(maxNameCharacters, { error: metadataForm }),
    z.string({ error: metadataForm }).max(maxValueCharacters, { error: metadataForm }),
    { error: metadataForm },
  )
  .refine((pairs) => Object.keys(pairs).length <= maxPairs, { error: metadataForm })
  .meta({ maxProperties: maxPairs, description: "Notes of the client." });

const idField = z.string({ error: "a string" }).max(maxIdCharacters, {
  error: `a string of at most ${maxIdCharacters} characters`,
});

/** How `previous_response_id` is checked. */
export const previousField: z.ZodType<string> = idField.describe(
  "The response that this one continues: its input and output, and all before them, precede the input.",
);

/** How `conversation` is checked. */
export const conversationField: z.ZodType<string | { readonly id: string }> = z
  .union([idField, objectField({ id: idField })], { error: "an id, or an object with `id`" })
  .describe(
    "The conversation that the response belongs to: its items precede the input, and it gets input and output.",
  );

/** What a request must have, for the document. */
export const requestConditions: readonly JsonMap[] = [
  {
    anyOf: ["input", "previous_response_id", "conversation"].map((name) => ({
      properties: { [name]: { not: { type: "null" } } },
      required: [name],
    })),
  },
  {
    anyOf: ["previous_response_id", "conversation"].map((name) => ({
      properties: { [name]: { type: "null" } },
    })),
  },
];
