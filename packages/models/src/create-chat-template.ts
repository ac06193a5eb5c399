import type { ChatTemplate, ChatTemplateMessage, ChatTemplateOptions } from "./chat-template.ts";
import { ModelError } from "./errors.ts";
import { cutAfterFinalMessage, markFinalMessage } from "./open-final-message.ts";
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
  const globals = {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception: (message: unknown): never => {
      throw new TemplateRaised(String(message));
    },
    strftime_now: (format: unknown): string => strftime(now(), String(format)),
  };
  const specialTokens = Object.fromEntries(setup.specialTokens ?? []);
  const run = (
    messages: readonly ChatTemplateMessage[],
    { variables, addGenerationPrompt = true }: ChatTemplateOptions,
  ): string => {
    try {
      return runTemplate(program, globals, {
        ...specialTokens,
        tools: null,
        documents: null,
        ...variables,
        messages: messages.map(withReasoning),
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (error) {
      throw failure(error);
    }
  };
  return {
    source,
    render: (messages, options = {}) =>
      options.continueFinalMessage === true
        ? leaveOpen(messages, (marked) => run(marked, { ...options, addGenerationPrompt: false }))
        : run(messages, options),
  };
}

function leaveOpen(
  messages: readonly ChatTemplateMessage[],
  run: (messages: readonly ChatTemplateMessage[]) => string,
): string {
  const marked = markFinalMessage(messages);
  if (marked === undefined) {
    throw failure(new Error("wanted a final message with text to go on with, found none"));
  }
  const rendered = cutAfterFinalMessage(run(marked), messages.at(-1)?.content ?? "");
  if (rendered === undefined) {
    throw failure(new Error("wanted the final message's text in what it writes, found none of it"));
  }
  return rendered;
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
