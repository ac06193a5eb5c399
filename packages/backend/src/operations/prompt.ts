import type { ChatTemplateMessage, ChatTemplateOptions } from "@infernode/models";

/** What the engine process makes tokens of. Text and messages are tokenized there, off the daemon's event loop. */
export type Prompt =
  | { readonly kind: "text"; readonly text: string; readonly addSpecialTokens?: boolean }
  | { readonly kind: "tokens"; readonly tokenIds: readonly number[] }
  | {
      readonly kind: "chat";
      readonly messages: readonly ChatTemplateMessage[];
      readonly options?: ChatTemplateOptions;
    };

/** A prompt as the model reads it, and how its tokens are written. */
export interface PromptDescription {
  readonly tokenIds: readonly number[];
  /** Each token as the vocabulary spells it (`Ġthe`, `▁the`, `<0x0A>`); empty for an id that it has not. */
  readonly spellings: readonly string[];
  /** Decoded, special tokens included. */
  readonly text: string;
}

const charactersPerToken = 4;

/** The tokens of a prompt, or about as many as its text will have. */
export function estimatePromptTokens(prompt: Prompt): number {
  if (prompt.kind === "tokens") return prompt.tokenIds.length;
  const texts = prompt.kind === "text" ? [prompt.text] : prompt.messages.map(({ content }) => content ?? "");
  return texts.reduce((sum, text) => sum + Math.ceil(text.length / charactersPerToken), 0);
}
