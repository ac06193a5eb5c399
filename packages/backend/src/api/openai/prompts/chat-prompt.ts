import type { Prompt } from "../../../operations/prompt.ts";
import { invalidRequest } from "../../shared/api-error.ts";
import { flagField, mapField, type FieldsOf, type JsonMap } from "../../shared/body/fields.ts";
import { jsonTextOf } from "../../shared/body/json-text.ts";
import { toTemplateMessage, type Message } from "./messages-schema.ts";
import { createToolArguments } from "./tool-arguments.ts";

/** What messages become a prompt by. */
export interface TemplateBody {
  readonly add_generation_prompt: boolean | undefined;
  readonly continue_final_message: boolean | undefined;
  /** As its JSON text. */
  readonly chat_template_kwargs: JsonMap | undefined;
}

/** Variables that the server itself gives to the template. */
const ownVariables: readonly string[] = ["messages", "add_generation_prompt", "bos_token", "eos_token"];

/** How it is checked. */
export const templateFields: FieldsOf<TemplateBody> = {
  add_generation_prompt: flagField(
    "Ends the prompt with the opening of an answer. Default true; false with `continue_final_message`.",
  ).optional(),
  continue_final_message: flagField(
    "Leaves the final message open, so that the answer goes on with it. Default false.",
  ).optional(),
  chat_template_kwargs: mapField(
    { names: { not: { enum: ownVariables } } },
    "More variables for the chat template, besides those that the server sets.",
  ).optional(),
};

/** A final message that is left open has no opening of an answer after it. */
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
  throw invalidRequest(`\`continue_final_message\` needs a final message with text; \`${param}\` has none`, {
    param,
  });
}

function reservedName(variablesJson: string | undefined): string | undefined {
  if (variablesJson === undefined) return undefined;
  const variables = JSON.parse(variablesJson) as object;
  return ownVariables.find((name) => Object.hasOwn(variables, name));
}

/** @throws ApiError 400 for what contradicts itself */
export function assertTemplateBody(body: TemplateBody): void {
  const { add_generation_prompt: opens, continue_final_message: continues } = body;
  const reserved = reservedName(jsonTextOf(body.chat_template_kwargs));
  if (reserved !== undefined) {
    const param = `chat_template_kwargs.${reserved}`;
    throw invalidRequest(`\`${param}\` is set by the server and cannot be given`, { param });
  }
  if (continues === true && opens === true) {
    throw invalidRequest(
      "`continue_final_message` and `add_generation_prompt` exclude each other; found both true",
      { param: "continue_final_message" },
    );
  }
}

function assertToolArguments(messages: readonly Message[]): void {
  const toolArguments = createToolArguments();
  for (const [index, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    for (const [callIndex, call] of (message.tool_calls ?? []).entries()) {
      const param = `messages[${index}].tool_calls[${callIndex}].function.arguments`;
      toolArguments.assertReadable(call.function.arguments, param);
    }
  }
}

/**
 * Makes of messages what the engine process renders with the checkpoint's chat template.
 * @throws ApiError 400
 */
export function toChatPrompt(messages: readonly Message[], body: TemplateBody): Prompt {
  const { add_generation_prompt: opens, continue_final_message: continues = false } = body;
  const variablesJson = jsonTextOf(body.chat_template_kwargs);
  assertTemplateBody(body);
  if (continues) assertFinalText(messages);
  assertToolArguments(messages);
  return {
    kind: "chat",
    messages: messages.map(toTemplateMessage),
    options: {
      addGenerationPrompt: opens ?? !continues,
      continueFinalMessage: continues,
      readsToolArguments: true,
      ...(variablesJson === undefined ? {} : { variablesJson }),
    },
  };
}
