import type { ConversationStart } from "../../../conversation/conversation.ts";
import { ApiError, invalidValue } from "../../shared/api-error.ts";
import { flagField, mapField, type FieldsOf } from "../../shared/body/fields.ts";
import { createJsonSizeCheck } from "../../shared/body/json-size.ts";
import { jsonTextOf } from "../../shared/body/json-text.ts";
import type { JsonMap } from "../../shared/json-schema.ts";
import { toTemplateMessage, type Message } from "./messages-schema.ts";

/** How messages become a prompt. */
export interface TemplateBody {
  readonly add_generation_prompt: boolean | undefined;
  readonly continue_final_message: boolean | undefined;
  /** As its JSON text. */
  readonly chat_template_kwargs: JsonMap | undefined;
}

/** Variables that the server itself gives to the template. */
const ownVariables: readonly string[] = ["messages", "add_generation_prompt", "bos_token", "eos_token"];

/** How these fields are checked. */
export const templateFields: FieldsOf<TemplateBody> = {
  add_generation_prompt: flagField(
    "Ends the prompt with the start of an answer. Default true; false with `continue_final_message`.",
  ).optional(),
  continue_final_message: flagField(
    "Leaves the final message open, so that the answer continues it. Default false.",
  ).optional(),
  chat_template_kwargs: mapField(
    { names: { not: { enum: ownVariables } } },
    "More variables for the chat template, in addition to those that the server sets.",
  ).optional(),
};

/** A final message that is left open is not followed by the start of an answer. */
export const templateCondition: JsonMap = {
  not: {
    properties: { continue_final_message: { const: true }, add_generation_prompt: { const: true } },
    required: ["continue_final_message", "add_generation_prompt"],
  },
};

function assertFinalText(messages: readonly Message[]): void {
  const last = messages.length - 1;
  const content = messages[last]?.content;
  if (content !== null && content !== undefined) return;
  const param = `messages[${last}].content`;
  throw invalidValue(param, "a text, as `continue_final_message` continues it", { got: content });
}

function reservedName(variablesJson: string | undefined): string | undefined {
  if (variablesJson === undefined) return undefined;
  const variables = JSON.parse(variablesJson) as object;
  return ownVariables.find((name) => Object.hasOwn(variables, name));
}

/** @throws ApiError 400 for fields that contradict each other */
export function assertTemplateBody(body: TemplateBody): void {
  const { add_generation_prompt: opens, continue_final_message: continues } = body;
  const reserved = reservedName(jsonTextOf(body.chat_template_kwargs));
  if (reserved !== undefined) {
    const param = `chat_template_kwargs.${reserved}`;
    throw new ApiError("invalid_value", `Invalid value for \`${param}\`: the server sets this variable`, {
      param,
    });
  }
  if (continues === true && opens === true) {
    throw invalidValue("continue_final_message", "false with `add_generation_prompt: true`", { got: true });
  }
}

/** A result names a call that came before it, unless no call before it has an id. */
function assertToolResults(messages: readonly Message[]): void {
  const callIds = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (message.role === "assistant") {
      for (const { id } of message.tool_calls ?? []) if (typeof id === "string") callIds.add(id);
      continue;
    }
    const callId = message.role === "tool" ? message.tool_call_id : undefined;
    if (typeof callId !== "string" || callIds.size === 0 || callIds.has(callId)) continue;
    throw invalidValue(`messages[${index}].tool_call_id`, "the id of a call in a message before", {
      got: callId,
    });
  }
}

/** How an object or an array begins; the engine reads no other text. */
const opening = /^[ \t\n\r]*[[{]/;

/** The engine reads the JSON texts of tool calls: the limits of a body hold for all of them together. */
function assertToolArguments(messages: readonly Message[]): void {
  const size = createJsonSizeCheck();
  for (const [index, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    for (const [callIndex, call] of (message.tool_calls ?? []).entries()) {
      const text = call.function.arguments;
      if (!opening.test(text)) continue;
      size.assert(Buffer.from(text), `messages[${index}].tool_calls[${callIndex}].function.arguments`);
    }
  }
}

/** The messages of a request as the chat template reads them, and how. @throws ApiError 400 */
export function toTemplateParts(
  messages: readonly Message[],
  body: TemplateBody,
): Pick<ConversationStart, "messages" | "template"> {
  const { add_generation_prompt: addGenerationPrompt, continue_final_message: continueFinalMessage } = body;
  assertTemplateBody(body);
  if (continueFinalMessage === true) assertFinalText(messages);
  assertToolArguments(messages);
  assertToolResults(messages);
  return {
    messages: messages.map(toTemplateMessage),
    template: {
      addGenerationPrompt,
      continueFinalMessage,
      variablesJson: jsonTextOf(body.chat_template_kwargs),
    },
  };
}
