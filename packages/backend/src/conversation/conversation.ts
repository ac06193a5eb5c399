import type { ChatTemplateMessage } from "@infernode/models";
import type { ServedModel } from "../models/model-service.ts";
import type { GenerateInput } from "../operations/generate.ts";
import type { AnswerParts } from "../operations/open-answers.ts";
import type { Prompt } from "../operations/prompt.ts";
import type { AdmissionRequest } from "./open-generation.ts";
import { assertTakesMessages } from "./chat-model.ts";
import { toAnswerParts, toToolsJson, type ConversationTools } from "./tools.ts";

/** How messages become a prompt. */
export interface TemplateUse {
  /** Leaves the final message open, so that the answer continues it. [false] */
  readonly continueFinalMessage?: boolean | undefined;
  /** Ends the prompt with the start of an answer. [unless the final message is continued] */
  readonly addGenerationPrompt?: boolean | undefined;
  /** More variables of the template, as a JSON object. [none] */
  readonly variablesJson?: string | undefined;
  /** The same as values. [none] */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** The messages of a conversation, and the tools that the model may call. */
export interface ConversationStart extends ConversationTools {
  readonly messages: readonly ChatTemplateMessage[];
  /** The tools' JSON text as the template reads it. [of `tools`] */
  readonly toolsJson?: string | undefined;
  readonly template?: TemplateUse | undefined;
  /** Tokens of reasoning after which it is ended. [it ends where the model ends it] */
  readonly reasoningBudget?: number | undefined;
}

/** What is asked of a model in a conversation, whoever asks: a wire format or a program. */
export interface Conversation extends ConversationStart {
  /** How the answer is generated: sampling, constraint, length. */
  readonly generation: Omit<GenerateInput, "prompt" | "parts">;
  /** The length is a default, which may be lowered. [false] */
  readonly isMaxTokensDefault?: boolean | undefined;
}

/**
 * Makes the prompt of a conversation, and says what answers to it consist of.
 * @throws EngineRequestError `CHAT_TEMPLATE_MISSING`, `INVALID_REQUEST`, `UNSUPPORTED_PARAMETER`
 */
export function toChatPrompt(
  conversation: ConversationStart,
  model: ServedModel,
): { readonly prompt: Prompt; readonly parts: AnswerParts } {
  assertTakesMessages(model);
  const { messages, tools = [], template = {} } = conversation;
  const parts = toAnswerParts(conversation, model);
  const toolsJson = parts.tools && (conversation.toolsJson ?? toToolsJson(tools));
  const { continueFinalMessage = false, variablesJson, variables } = template;
  const options = {
    addGenerationPrompt: template.addGenerationPrompt ?? !continueFinalMessage,
    continueFinalMessage,
    readsToolArguments: true,
    ...(variablesJson === undefined ? {} : { variablesJson }),
    ...(toolsJson === undefined ? {} : { toolsJson }),
    ...(variables === undefined ? {} : { variables }),
  };
  const { reasoningBudget } = conversation;
  return {
    prompt: { kind: "chat", messages, options },
    parts: reasoningBudget === undefined ? parts : { ...parts, reasoningBudget },
  };
}

/** Makes the engine's request of a conversation. @throws as `toChatPrompt` */
export function toAdmission(conversation: Conversation, model: ServedModel): AdmissionRequest {
  const { generation, isMaxTokensDefault = false } = conversation;
  return { isMaxTokensDefault, request: { ...generation, ...toChatPrompt(conversation, model) } };
}
