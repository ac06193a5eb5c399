import { arraySchema, objectSchema, textSchema, type JsonMap } from "../../shared/json-schema.ts";

/** A text of an answer. */
export const outputPartSchema: JsonMap = objectSchema({
  type: { const: "output_text" },
  text: textSchema,
  annotations: arraySchema({}),
  logprobs: arraySchema({}),
});
/** A text of reasoning. */
export const reasoningPartSchema: JsonMap = objectSchema({
  type: { const: "reasoning_text" },
  text: textSchema,
});
const inputPartSchema = objectSchema({ type: { const: "input_text" }, text: textSchema });
const summaryPartSchema = objectSchema({ type: { const: "summary_text" }, text: textSchema });

const itemFields = { id: textSchema, status: { enum: ["in_progress", "completed", "incomplete"] } };

const outputSchemas: readonly JsonMap[] = [
  objectSchema({
    ...itemFields,
    type: { const: "message" },
    role: { const: "assistant" },
    content: arraySchema(outputPartSchema),
  }),
  objectSchema(
    {
      ...itemFields,
      type: { const: "reasoning" },
      summary: arraySchema(summaryPartSchema),
      content: arraySchema(reasoningPartSchema),
    },
    ["id", "type", "summary"],
  ),
  objectSchema({
    ...itemFields,
    type: { const: "function_call" },
    call_id: textSchema,
    name: textSchema,
    arguments: textSchema,
  }),
];

/** An item of an answer. */
export const outputItemSchema: JsonMap = { anyOf: outputSchemas };

/** Any item. */
export const itemObjectSchema: JsonMap = {
  anyOf: [
    ...outputSchemas,
    objectSchema({
      ...itemFields,
      type: { const: "message" },
      role: { enum: ["user", "system", "developer"] },
      content: arraySchema(inputPartSchema),
    }),
    objectSchema({
      ...itemFields,
      type: { const: "function_call_output" },
      call_id: textSchema,
      output: { anyOf: [textSchema, arraySchema(inputPartSchema)] },
    }),
  ],
};
