import type { ChatTemplateMessage } from "@infernode/models";
import { z } from "zod";
import { arrayField, nullIsAbsent, objectField, textField } from "../../shared/body/fields.ts";

/** As in OpenAI's API. */
const maxMessages = 2048;
const maxParts = 10_000;

/** The only kind of part that is supported. */
export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** A text, or parts that are joined. */
export type MessageContent = string | readonly TextPart[];

/** A call in the history; `arguments` is JSON text. */
export interface ToolCall {
  readonly id?: string | undefined;
  readonly index?: number | undefined;
  readonly type?: "function" | undefined;
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface PlainMessage {
  readonly role: "system" | "developer" | "user";
  readonly content: MessageContent;
  readonly name?: string | null | undefined;
}

export interface AssistantMessage {
  readonly role: "assistant";
  readonly content?: MessageContent | null | undefined;
  readonly name?: string | null | undefined;
  readonly tool_calls?: readonly ToolCall[] | null | undefined;
  readonly reasoning_content?: string | null | undefined;
  readonly reasoning?: string | undefined;
}

export interface ToolMessage {
  readonly role: "tool";
  readonly content: MessageContent;
  readonly name?: string | null | undefined;
  readonly tool_call_id?: string | null | undefined;
}

export type Message = PlainMessage | AssistantMessage | ToolMessage;

/** Marks for the prompt caches of other servers: no text of the conversation. */
const ignored = z.unknown().describe("Has no effect.").optional();

const textPart = {
  type: z.literal("text", { error: 'a part of type "text", as the model reads text only' }),
  text: textField("The text."),
  cache_control: ignored,
  prompt_cache_breakpoint: ignored,
};

/** What clients copy from an answer's message into its part when they send it back; the message has it too. */
const copied = z.unknown().describe("Has no effect: it counts in the message itself.").optional();
const copiedFields = {
  role: copied,
  refusal: copied,
  reasoning: copied,
  reasoning_content: copied,
  tool_calls: copied,
  annotations: copied,
};

function contentOf(part: z.ZodType<TextPart>): z.ZodType<MessageContent> {
  return z.union([z.string(), arrayField(part, { min: 1, max: maxParts, of: "text parts" })], {
    error: "a string or an array of text parts",
  });
}

/** A text, or parts of one. */
export const textContent: z.ZodType<MessageContent> = contentOf(
  objectField<TextPart>(textPart, "a text part"),
);
const assistantContent = contentOf(objectField<TextPart>({ ...textPart, ...copiedFields }, "a text part"));

const toolCall: z.ZodType<ToolCall> = objectField(
  {
    id: textField("The id of the call.").optional(),
    index: z.int({ error: "an integer" }).optional(),
    type: z.literal("function", { error: '"function"' }).optional(),
    function: objectField(
      {
        name: textField("The function."),
        arguments: textField("Its arguments as JSON text."),
        parsed_arguments: ignored,
      },
      "an object with `name` and `arguments`",
    ),
  },
  "a tool call",
);

const name = textField("The name of the author; for templates that show it.").optional();
const nothing = z.null({ error: "null" }).optional();

const message: z.ZodType<Message> = nullIsAbsent(
  z.discriminatedUnion(
    "role",
    [
      z.strictObject({ role: z.literal("system"), content: textContent, name, cache_control: ignored }),
      z.strictObject({ role: z.literal("developer"), content: textContent, name, cache_control: ignored }),
      z.strictObject({ role: z.literal("user"), content: textContent, name, cache_control: ignored }),
      z.strictObject({
        role: z.literal("assistant"),
        content: assistantContent.optional(),
        name,
        tool_calls: arrayField(toolCall, { max: 128, of: "tool calls" }).optional(),
        reasoning_content: textField("For templates that show it.").optional(),
        reasoning: textField("Another name of `reasoning_content`.").optional(),
        cache_control: ignored,
        // Fields of answers and what clients add to them, so that answers can be sent back as they are.
        refusal: nothing,
        audio: nothing,
        function_call: z.null({ error: "null, as calls are in `tool_calls`" }).optional(),
        annotations: ignored,
        parsed: ignored,
        provider_specific_fields: ignored,
      }),
      z.strictObject({
        role: z.literal("tool"),
        content: textContent,
        name,
        tool_call_id: textField("The call that it answers.").optional(),
        cache_control: ignored,
      }),
    ],
    { error: 'a message with a role of "system", "developer", "user", "assistant" or "tool"' },
  ),
);

/** The conversation of a chat request. */
export const messagesField: z.ZodType<readonly Message[]> = arrayField(message, {
  min: 1,
  max: maxMessages,
  of: "messages",
}).describe("The conversation so far.");

function textOf(value: MessageContent): string {
  return typeof value === "string" ? value : value.map((part) => part.text).join("\n");
}

/**
 * Makes the message that chat templates read. `developer` becomes `system`; the arguments of calls stay text, which
 * the engine reads.
 */
export function toTemplateMessage(message: Message): ChatTemplateMessage {
  const named = typeof message.name === "string" ? { name: message.name } : {};
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", content: textOf(message.content), ...named };
    case "user":
      return { role: "user", content: textOf(message.content), ...named };
    case "tool": {
      const { tool_call_id: callId } = message;
      return {
        role: "tool",
        content: textOf(message.content),
        ...named,
        ...(callId ? { tool_call_id: callId } : {}),
      };
    }
    case "assistant": {
      const { content: given, tool_calls: calls } = message;
      const reasoning = message.reasoning_content ?? message.reasoning;
      const hasCalls = calls !== null && calls !== undefined && calls.length > 0;
      const text = given === null || given === undefined ? (hasCalls ? null : "") : textOf(given);
      return {
        role: "assistant",
        content: text,
        ...named,
        ...(typeof reasoning === "string" ? { reasoning_content: reasoning } : {}),
        ...(hasCalls
          ? {
              tool_calls: calls.map(({ id, function: { name, arguments: text } }) => {
                const call = { type: "function", function: { name, arguments: text } };
                return typeof id === "string" ? Object.assign(call, { id }) : call;
              }),
            }
          : {}),
      };
    }
  }
}
