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

/** What the tokens of a prompt are for: an answer, or somebody who wants to see them. */
export type PromptPurpose = "generation" | "inspection";

/** Makes tokens of prompts, within the limits of the engine's queue. */
export interface PromptService {
  /** @throws EngineRequestError `QUEUE_FULL`, `PROMPT_TIMEOUT`, and what the template or the tokenizer throws */
  encode(
    prompt: Prompt,
    call: { readonly purpose: PromptPurpose; readonly signal?: AbortSignal | undefined },
  ): Promise<readonly number[]>;
  /** @throws as `encode` */
  describe(prompt: Prompt, signal?: AbortSignal): Promise<PromptDescription>;
  /** Records how long an answer took from its first step to its end: tells when a place becomes free. */
  recordServiceTime(serviceMs: number): void;
}

const charactersPerToken = 4;

/** The tokens of a prompt, or about as many as its text will have. */
export function estimatePromptTokens(prompt: Prompt): number {
  if (prompt.kind === "tokens") return prompt.tokenIds.length;
  const texts = prompt.kind === "text" ? [prompt.text] : prompt.messages.map(({ content }) => content ?? "");
  return texts.reduce((sum, text) => sum + Math.ceil(text.length / charactersPerToken), 0);
}
