/** One turn. Further keys, such as tool calls, reach the template as they are. */
export interface ChatTemplateMessage {
  readonly role: string;
  readonly content: string | null;
  readonly [key: string]: unknown;
}

/** What `render` takes beside the messages. */
export interface ChatTemplateOptions {
  /** Ends with the assistant's opening, so that the model answers. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Ends after the text of the final message, so that the model goes on with it, whoever speaks. Default false. */
  readonly continueFinalMessage?: boolean;
  /** More variables for the template, as `transformers` passes them. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** More of them in a JSON object, which is read as Python does: order of keys, `1.0` and large integers stay. */
  readonly variablesJson?: string;
  /** Reads `tool_calls[].function.arguments` that are JSON text of an object or array, as Python does. Default false. */
  readonly readsToolArguments?: boolean;
}

/** A checkpoint's own way to write a conversation as one text. */
export interface ChatTemplate {
  readonly source: string;
  /** @throws ModelError `CHAT_TEMPLATE_FAILED` with the template's own message */
  render(messages: readonly ChatTemplateMessage[], options?: ChatTemplateOptions): string;
}
