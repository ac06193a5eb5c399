/** A message of a conversation. Other keys, such as tool calls, are passed to the template as they are. */
export interface ChatTemplateMessage {
  readonly role: string;
  readonly content: string | null;
  readonly [key: string]: unknown;
}

/** Options of `render`. */
export interface ChatTemplateOptions {
  /** Appends the start of an assistant message. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Ends after the text of the final message, of whatever role, so that the model continues it. Default false. */
  readonly continueFinalMessage?: boolean;
  /** Additional variables, as the keyword arguments of `apply_chat_template`. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Additional variables as a JSON object, read as Python does: keeps the order of keys, `1.0` and large integers. */
  readonly variablesJson?: string;
  /** The variable `tools` as a JSON array, read in the same way. */
  readonly toolsJson?: string;
  /** Parses `tool_calls[].function.arguments` that are JSON objects or arrays, as Python does. Default false. */
  readonly readsToolArguments?: boolean;
}

/** A checkpoint's template for conversations. */
export interface ChatTemplate {
  readonly source: string;
  /** @throws ModelError `CHAT_TEMPLATE_FAILED` with the template's own message */
  render(messages: readonly ChatTemplateMessage[], options?: ChatTemplateOptions): string;
}
