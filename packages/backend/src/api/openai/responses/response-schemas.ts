import {
  arraySchema,
  integerSchema,
  numberSchema,
  objectSchema,
  orNullSchema,
  refSchema,
  textOrNullSchema,
  textSchema,
  type JsonMap,
  type NamedSchema,
} from "../../shared/json-schema.ts";

const textPartSchema = objectSchema({
  type: { const: "output_text" },
  text: textSchema,
  annotations: arraySchema({}),
  logprobs: arraySchema({}),
});
const reasoningPartSchema = objectSchema({ type: { const: "reasoning_text" }, text: textSchema });
const itemFields = { id: textSchema, status: { enum: ["in_progress", "completed", "incomplete"] } };

const itemSchema: JsonMap = {
  anyOf: [
    objectSchema({
      ...itemFields,
      type: { const: "message" },
      role: { const: "assistant" },
      content: arraySchema(textPartSchema),
    }),
    objectSchema({
      ...itemFields,
      type: { const: "reasoning" },
      summary: arraySchema({ type: "object" }),
      content: arraySchema(reasoningPartSchema),
    }),
    objectSchema({
      ...itemFields,
      type: { const: "function_call" },
      call_id: textSchema,
      name: textSchema,
      arguments: textSchema,
    }),
  ],
};

const usageSchema = objectSchema({
  input_tokens: integerSchema,
  input_tokens_details: objectSchema({ cached_tokens: integerSchema }),
  output_tokens: integerSchema,
  output_tokens_details: objectSchema({ reasoning_tokens: integerSchema }),
  total_tokens: integerSchema,
});

/** An answer. */
export const responseSchema: NamedSchema = {
  name: "Response",
  schema: objectSchema({
    id: textSchema,
    object: { const: "response" },
    created_at: integerSchema,
    status: { enum: ["in_progress", "completed", "incomplete", "failed"] },
    background: { const: false },
    error: orNullSchema(objectSchema({ code: textSchema, message: textSchema })),
    incomplete_details: orNullSchema(objectSchema({ reason: { const: "max_output_tokens" } })),
    model: textSchema,
    output: arraySchema(itemSchema),
    usage: orNullSchema(usageSchema),
    instructions: textOrNullSchema,
    max_output_tokens: { type: ["integer", "null"] },
    max_tool_calls: { type: "null" },
    metadata: { type: "object" },
    parallel_tool_calls: { type: "boolean" },
    previous_response_id: { type: "null" },
    prompt_cache_key: textOrNullSchema,
    reasoning: objectSchema({ effort: textOrNullSchema, summary: textOrNullSchema }),
    safety_identifier: textOrNullSchema,
    service_tier: textSchema,
    store: { const: false },
    temperature: numberSchema,
    text: objectSchema({ format: { type: "object" }, verbosity: textSchema }),
    tool_choice: {},
    tools: arraySchema({ type: "object" }),
    top_logprobs: integerSchema,
    top_p: numberSchema,
    truncation: { const: "disabled" },
    user: textOrNullSchema,
  }),
};

/** Names of the events of a stream. */
const eventTypes = [
  "response.created",
  "response.in_progress",
  "response.output_item.added",
  "response.content_part.added",
  "response.output_text.delta",
  "response.output_text.done",
  "response.reasoning_text.delta",
  "response.reasoning_text.done",
  "response.content_part.done",
  "response.function_call_arguments.delta",
  "response.function_call_arguments.done",
  "response.output_item.done",
  "response.completed",
  "response.incomplete",
  "response.failed",
  "error",
] as const;

/** An event of a stream; which other fields it has depends on its type, as in OpenAI's API. */
export const responseEventSchema: NamedSchema = {
  name: "ResponseEvent",
  schema: objectSchema(
    {
      type: { enum: eventTypes },
      sequence_number: integerSchema,
      response: refSchema(responseSchema.name),
      output_index: integerSchema,
      item: itemSchema,
      item_id: textSchema,
      content_index: integerSchema,
      part: { anyOf: [textPartSchema, reasoningPartSchema] },
      delta: textSchema,
      text: textSchema,
      logprobs: arraySchema({}),
      name: textSchema,
      arguments: textSchema,
      code: textSchema,
      message: textSchema,
      param: textOrNullSchema,
    },
    ["type", "sequence_number"],
  ),
};
