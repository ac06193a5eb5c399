import type { Prompt } from "../engine/engine-client.ts";
import { invalidRequest } from "./api-error.ts";
import { flagField, mapField, type FieldsOf, type JsonMap } from "./fields.ts";
import { toTemplateMessage, type Message } from "./messages-schema.ts";
import { createToolArguments } from "./tool-arguments.ts";

/** What messages become a prompt by. */
export interface TemplateBody {
  readonly add_generation_prompt: boolean | undefined;
  readonly continue_final_message: boolean | undefined;
  readonly chat_template_kwargs: JsonMap | undefined;
}

/** How it is checked. */
export const templateFields: FieldsOf<TemplateBody> = {
  add_generation_prompt: flagField(
    "Ends the prompt with the opening of an answer. Default true; false with `continue_final_message`.",
  ).optional(),
  continue_final_message: flagField(
    "Leaves the final message open, so that the answer goes on with it. Default false.",
  ).optional(),
  chat_template_kwargs: mapField({}, "More variables for the chat template.").optional(),
};

/** Variables that the server itself gives to the template. */
const ownVariables: readonly string[] = ["messages", "add_generation_prompt", "bos_token", "eos_token"];

function assertFinalText(messages: readonly Message[]): void {
  const last = messages.length - 1;
  const content = messages[last]?.content;
  if (content !== null && content !== undefined) return;
  const param = `messages[${last}].content`;
  throw invalidRequest(`\`continue_final_message\` needs a final message with text; \`${param}\` has none`, {
    param,
  });
}

/**
 * Makes of messages what the engine process renders with the checkpoint's chat template.
 * @throws ApiError 400
 */
export function toChatPrompt(messages: readonly Message[], body: TemplateBody): Prompt {
  const { add_generation_prompt: opens, continue_final_message: continues = false } = body;
  const { chat_template_kwargs: variables = {} } = body;
  const reserved = ownVariables.find((name) => Object.hasOwn(variables, name));
  if (reserved !== undefined) {
    const param = `chat_template_kwargs.${reserved}`;
    throw invalidRequest(`\`${param}\` is set by the server and cannot be given`, { param });
  }
  if (continues && opens === true) {
    throw invalidRequest(
      "`continue_final_message` and `add_generation_prompt` exclude each other; found both true",
      { param: "continue_final_message" },
    );
  }
  if (continues) assertFinalText(messages);
  const toolArguments = createToolArguments();
  return {
    kind: "chat",
    messages: messages.map((message, index) =>
      toTemplateMessage(message, (text, callIndex) =>
        toolArguments.read(text, `messages[${index}].tool_calls[${callIndex}].function.arguments`),
      ),
    ),
    options: { addGenerationPrompt: opens ?? !continues, continueFinalMessage: continues, variables },
  };
}
