import { z } from "zod";
import type { Conversation } from "../../../conversation/conversation.ts";
import { thinkingVariables } from "../../../conversation/reasoning.ts";
import type { ServedModel } from "../../../models/model-service.ts";
import { invalidValue } from "../../shared/api-error.ts";
import { textField, type FieldsOf } from "../../shared/body/fields.ts";
import { formParameters } from "../../shared/body/form-parameters.ts";
import type { UnsupportedParameter } from "../../shared/body/parse-body.ts";
import { messagesField, textContentField, type Message, type TextContent } from "./blocks.ts";
import { outputFields, outputVariables, type OutputBody } from "./output-config.ts";
import { thinkingField, toReasoningBudget, toThinking, type ThinkingBody } from "./thinking.ts";
import { toTemplateMessages } from "./to-template-messages.ts";
import { toConversationTools, toolsFields, type ToolsBody } from "./tools.ts";

/** What a prompt is made of. */
export interface ConversationBody extends ToolsBody, OutputBody {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly system: TextContent | undefined;
  readonly thinking: ThinkingBody | undefined;
  readonly cache_control?: unknown;
}

/** How it is checked. */
export const conversationFields: FieldsOf<ConversationBody> = {
  model: textField("The model's id or an alias."),
  messages: messagesField,
  system: textContentField.describe("The system's message.").optional(),
  thinking: thinkingField.optional(),
  cache_control: z.unknown().describe("Has no effect.").optional(),
  ...toolsFields,
  ...outputFields,
};

const one = (value: string): UnsupportedParameter => ({
  neutral: { accepts: (got) => got === value, schema: { const: value } },
});

/** Parameters of Anthropic's API that are rejected by name. */
export const unsupportedParameters: ReadonlyMap<string, UnsupportedParameter> = new Map([
  ...formParameters("use output_config.format", ["response_format", "structured_outputs", "functions"]),
  ["mcp_servers", {}],
  ["container", {}],
  ["context_management", {}],
  ["diagnostics", {}],
  ["fallbacks", {}],
  ["inference_geo", {}],
  ["speed", one("standard")],
  ["user_profile_id", {}],
  ["workspace_id", {}],
]);

/** A final message of the assistant is left open, so that the answer continues it. */
function isContinued(messages: readonly Message[]): boolean {
  const index = messages.length - 1;
  const last = messages[index];
  if (last?.role !== "assistant") return false;
  if (typeof last.content === "string") return true;
  const at = last.content.length - 1;
  const final = last.content[at];
  if (final?.type === "text" && last.content.every(({ type }) => type !== "tool_use")) return true;
  const expected = "text, and no call in its message, as the answer continues the final message";
  throw invalidValue(`messages[${index}].content[${at}]`, expected, { got: final });
}

/** What a body asks of the model, without how the answer is generated. @throws ApiError 400; EngineRequestError */
export function toConversation(body: ConversationBody, model: ServedModel): Omit<Conversation, "generation"> {
  const { messages, system, thinking } = body;
  const continueFinalMessage = isContinued(messages);
  const variables = {
    ...(thinking && thinkingVariables(toThinking(thinking), model)),
    ...outputVariables(body, model),
  };
  return {
    messages: toTemplateMessages(system, messages),
    template: { continueFinalMessage, variables },
    reasoningBudget: thinking && toReasoningBudget(thinking),
    ...toConversationTools(body),
  };
}
