import { ModelError } from "../errors.ts";
import type { ChatTemplate, ChatTemplateMessage } from "./chat-template.ts";
import type { TemplateNode } from "./syntax/nodes.ts";
import { openFinalMessage } from "./open-final-message.ts";
import { parseTemplate } from "./syntax/parse-template.ts";
import { renderTemplate, RenderingFailure } from "./run/render-template.ts";
import { TemplateRaised, TemplateSyntaxError } from "./values/template-error.ts";
import { readTemplateInput } from "./template-input.ts";

/** Options of `createChatTemplate`. */
export interface ChatTemplateSetup {
  /** The template's file name, for messages: `chat_template.jinja`. */
  readonly name?: string | undefined;
  /** The template of conversations with tools, where that is another one. */
  readonly toolUse?: string | undefined;
  /** Special tokens by name, such as `bos_token`. */
  readonly specialTokens?: ReadonlyMap<string, string>;
  /** The clock of `strftime_now`; the system's by default. */
  readonly now?: () => Date;
}

/**
 * Creates a chat template from its Jinja source. It sees plain data only: messages and variables cannot
 * reach functions, prototypes or the process.
 *
 * @throws ModelError `INVALID_CHAT_TEMPLATE` when the source does not parse
 */
export function createChatTemplate(source: string, setup: ChatTemplateSetup = {}): ChatTemplate {
  const { name, toolUse, specialTokens = new Map<string, string>(), now = (): Date => new Date() } = setup;
  const template = parseSource(source, name);
  const toolTemplate = toolUse === undefined ? template : parseSource(toolUse, name);
  return {
    source,
    render: (messages, options = {}) => {
      const { continueFinalMessage = false } = options;
      const addGenerationPrompt = !continueFinalMessage && (options.addGenerationPrompt ?? true);
      const date = now();
      try {
        const input = readTemplateInput(messages, options);
        const hasTools = (input.variables.get("tools") ?? null) !== null;
        const run = (conversation: readonly ChatTemplateMessage[]): string =>
          renderTemplate(hasTools ? toolTemplate : template, {
            date,
            variables: [
              ...specialTokens,
              ["tools", null],
              ["documents", null],
              ...input.variables,
              ["messages", conversation.map(withReasoning)],
              ["add_generation_prompt", addGenerationPrompt],
            ],
          });
        return continueFinalMessage ? openFinalMessage(input.messages, run) : run(input.messages);
      } catch (error) {
        throw failure(error, name);
      }
    },
  };
}

/** Adds a message's reasoning under each name that templates read, as `transformers` does. */
function withReasoning(message: ChatTemplateMessage): ChatTemplateMessage {
  const { reasoning_content: first, thinking, reasoning } = message;
  const text = first ?? thinking ?? reasoning ?? null;
  return text === null ? message : { thinking: text, ...message, reasoning_content: text };
}

function parseSource(source: string, name: string | undefined): TemplateNode {
  try {
    return parseTemplate(source);
  } catch (error) {
    const line = error instanceof TemplateSyntaxError ? error.line : undefined;
    const message =
      error instanceof TemplateSyntaxError ? error.message : "expected Jinja that parses, got another text";
    throw new ModelError("INVALID_CHAT_TEMPLATE", `chat template: ${placeOf(name, line)}${message}`, {
      cause: error,
      ...(name === undefined ? {} : { file: name }),
    });
  }
}

/** "chat_template.jinja, line 3: " */
function placeOf(name: string | undefined, line: number | undefined): string {
  const parts = [name, line === undefined ? undefined : `line ${line}`].filter((part) => part !== undefined);
  return parts.length === 0 ? "" : `${parts.join(", ")}: `;
}

function failure(error: unknown, name: string | undefined): ModelError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RenderingFailure) {
    const text =
      error.cause instanceof TemplateRaised
        ? message
        : `chat template failed: ${placeOf(name, error.line)}${message}`;
    return new ModelError("CHAT_TEMPLATE_FAILED", text, { cause: error.cause });
  }
  return new ModelError("CHAT_TEMPLATE_FAILED", `chat template failed: ${message}`, { cause: error });
}
