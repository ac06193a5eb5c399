import type { ChatTemplate, ChatTemplateMessage } from "./chat-template.ts";
import { ModelError } from "./errors.ts";
import { openFinalMessage } from "./open-final-message.ts";
import { readTemplateInput } from "./template-input.ts";
import { strftime } from "./strftime.ts";
import { runTemplate } from "./template-interpreter.ts";
import type { JinjaNode } from "./jinja-library.ts";
import { parseTemplate } from "./parse-template.ts";

/** What a template is rendered with beside the messages. */
export interface ChatTemplateSetup {
  /** Named special tokens to their spelling, such as `bos_token` to `<s>`. */
  readonly specialTokens?: ReadonlyMap<string, string>;
  /** The time that `strftime_now` tells; the system's by default. */
  readonly now?: () => Date;
}

/**
 * Makes a chat template from its Jinja source. It sees plain data only: messages and variables cannot
 * reach functions, prototypes or the process.
 *
 * @throws ModelError `INVALID_CHAT_TEMPLATE` when the source does not parse
 */
export function createChatTemplate(source: string, setup: ChatTemplateSetup = {}): ChatTemplate {
  const program = parseSource(source);
  const now = setup.now ?? ((): Date => new Date());
  const specialTokens = Object.fromEntries(setup.specialTokens ?? []);
  return {
    source,
    render: (messages, options = {}) => {
      const { continueFinalMessage = false } = options;
      const addGenerationPrompt = !continueFinalMessage && (options.addGenerationPrompt ?? true);
      const globals = globalsAt(now());
      try {
        const input = readTemplateInput(messages, options);
        const run = (conversation: readonly ChatTemplateMessage[]): string =>
          runTemplate(program, globals, {
            ...specialTokens,
            tools: null,
            documents: null,
            ...Object.fromEntries(input.variables),
            messages: conversation.map(withReasoning),
            add_generation_prompt: addGenerationPrompt,
          });
        return continueFinalMessage ? openFinalMessage(input.messages, run) : run(input.messages);
      } catch (error) {
        throw failure(error);
      }
    },
  };
}

/** What every template may call. One rendering has one time. */
function globalsAt(date: Date): Readonly<Record<string, unknown>> {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception: (message: unknown): never => {
      throw new TemplateRaised(String(message));
    },
    strftime_now: (format: unknown): string => strftime(date, String(format)),
  };
}

/** A message's thoughts under each name that templates read, as `transformers` has it. */
function withReasoning(message: ChatTemplateMessage): ChatTemplateMessage {
  const { reasoning_content: first, thinking, reasoning } = message;
  const thoughts = first ?? thinking ?? reasoning ?? null;
  return thoughts === null ? message : { thinking: thoughts, ...message, reasoning_content: thoughts };
}

/** `raise_exception` of a template: the template's author speaks. */
class TemplateRaised extends Error {
  override readonly name: string = "TemplateRaised";
}

function parseSource(source: string): JinjaNode {
  try {
    return parseTemplate(source);
  } catch (error) {
    throw new ModelError(
      "INVALID_CHAT_TEMPLATE",
      `chat template: wanted Jinja that parses, found: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

function failure(error: unknown): ModelError {
  const message = error instanceof Error ? error.message : String(error);
  const text = error instanceof TemplateRaised ? message : `chat template failed: ${message}`;
  return new ModelError("CHAT_TEMPLATE_FAILED", text, { cause: error });
}
