import { integerSchema, objectSchema, textSchema, type NamedSchema } from "../../shared/json-schema.ts";

/** A conversation, without its items. */
export const conversationSchema: NamedSchema = {
  name: "Conversation",
  schema: objectSchema({
    id: textSchema,
    object: { const: "conversation" },
    created_at: { ...integerSchema, description: "Seconds since 1970." },
    metadata: { type: "object", additionalProperties: textSchema },
  }),
};
