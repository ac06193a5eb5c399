import {
  arraySchema,
  integerSchema,
  objectSchema,
  textOrNullSchema,
  textSchema,
  type JsonMap,
  type NamedSchema,
} from "../shared/json-schema.ts";

const typed = (type: string, fields: JsonMap = {}): JsonMap =>
  objectSchema({ type: { const: type }, ...fields });

const nullSchema: JsonMap = { type: "null" };

const blockSchema: JsonMap = {
  oneOf: [
    typed("text", { text: textSchema }),
    typed("thinking", { thinking: textSchema, signature: textSchema }),
    typed("tool_use", {
      id: textSchema,
      name: textSchema,
      input: { type: "object" },
      caller: typed("direct"),
    }),
  ],
};

const counts: JsonMap = {
  input_tokens: integerSchema,
  cache_creation_input_tokens: integerSchema,
  cache_read_input_tokens: integerSchema,
  output_tokens: integerSchema,
  output_tokens_details: objectSchema({ thinking_tokens: integerSchema }),
  server_tool_use: nullSchema,
};
const usageSchema = objectSchema(counts);
const wholeUsageSchema = objectSchema({
  ...counts,
  cache_creation: nullSchema,
  inference_geo: nullSchema,
  service_tier: { const: "standard" },
  speed: nullSchema,
});

const end: JsonMap = {
  stop_reason: { enum: ["end_turn", "max_tokens", "stop_sequence", "tool_use", null] },
  stop_sequence: textOrNullSchema,
};

/** A whole message. */
export const messageSchema: NamedSchema = {
  name: "Message",
  schema: typed("message", {
    id: textSchema,
    role: { const: "assistant" },
    model: textSchema,
    content: arraySchema(blockSchema),
    ...end,
    stop_details: nullSchema,
    container: nullSchema,
    diagnostics: nullSchema,
    usage: wholeUsageSchema,
  }),
};

const deltaSchema: JsonMap = {
  oneOf: [
    typed("text_delta", { text: textSchema }),
    typed("thinking_delta", { thinking: textSchema }),
    typed("input_json_delta", { partial_json: textSchema }),
    typed("signature_delta", { signature: textSchema }),
  ],
};

/** The data of an event, whose `type` is its name. */
export const streamEventSchema: NamedSchema = {
  name: "MessageStreamEvent",
  schema: {
    oneOf: [
      typed("message_start", { message: messageSchema.schema }),
      typed("ping"),
      typed("content_block_start", { index: integerSchema, content_block: blockSchema }),
      typed("content_block_delta", { index: integerSchema, delta: deltaSchema }),
      typed("content_block_stop", { index: integerSchema }),
      typed("message_delta", { delta: objectSchema(end), usage: usageSchema }),
      typed("message_stop"),
    ],
  },
};
