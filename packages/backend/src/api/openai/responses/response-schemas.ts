import { outputItemSchema, outputPartSchema, reasoningPartSchema } from "../items/item-schemas.ts";
import {
  arraySchema,
  integerSchema,
  numberSchema,
  objectSchema,
  orNullSchema,
  refSchema,
  textOrNullSchema,
  textSchema,
  type NamedSchema,
} from "../../shared/json-schema.ts";

const usageSchema = objectSchema({
  input_tokens: integerSchema,
  input_tokens_details: objectSchema({ cached_tokens: integerSchema }),
  output_tokens: integerSchema,
  output_tokens_details: objectSchema({ reasoning_tokens: integerSchema }),
  total_tokens: integerSchema,
});

const responseFields = {
  id: textSchema,
  object: { const: "response" },
  created_at: integerSchema,
  status: { enum: ["in_progress", "completed", "incomplete", "failed", "cancelled"] },
  background: { type: "boolean" },
  error: orNullSchema(objectSchema({ code: textSchema, message: textSchema })),
  incomplete_details: orNullSchema(objectSchema({ reason: { const: "max_output_tokens" } })),
  model: textSchema,
  output: arraySchema(outputItemSchema),
  usage: orNullSchema(usageSchema),
  instructions: textOrNullSchema,
  max_output_tokens: { type: ["integer", "null"] },
  max_tool_calls: { type: "null" },
  metadata: { type: "object" },
  parallel_tool_calls: { type: "boolean" },
  previous_response_id: textOrNullSchema,
  conversation: orNullSchema(objectSchema({ id: textSchema })),
  prompt_cache_key: textOrNullSchema,
  reasoning: objectSchema({ effort: textOrNullSchema, summary: textOrNullSchema }),
  safety_identifier: textOrNullSchema,
  service_tier: textSchema,
  store: { type: "boolean", description: "Whether it is stored." },
  temperature: numberSchema,
  text: objectSchema({ format: { type: "object" }, verbosity: textSchema }),
  tool_choice: {},
  tools: arraySchema({ type: "object" }),
  top_logprobs: integerSchema,
  top_p: numberSchema,
  truncation: { const: "disabled" },
  user: textOrNullSchema,
};

/** An answer. */
export const responseSchema: NamedSchema = {
  name: "Response",
  schema: objectSchema(
    {
      ...responseFields,
      store_error: {
        ...objectSchema({ code: textSchema, message: textSchema }),
        description: "Why it could not be stored.",
      },
    },
    Object.keys(responseFields),
  ),
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
      item: outputItemSchema,
      item_id: textSchema,
      content_index: integerSchema,
      part: { anyOf: [outputPartSchema, reasoningPartSchema] },
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
