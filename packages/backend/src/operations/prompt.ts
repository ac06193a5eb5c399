import type { ChatTemplateMessage, ChatTemplateOptions } from "@infernode/models";

/** A prompt as text, tokens or messages. Text and messages are tokenized by the engine process. */
export type Prompt =
  | { readonly kind: "text"; readonly text: string; readonly addSpecialTokens?: boolean }
  | { readonly kind: "tokens"; readonly tokenIds: readonly number[] }
  | {
      readonly kind: "chat";
      readonly messages: readonly ChatTemplateMessage[];
      readonly options?: ChatTemplateOptions;
    };

/** The tokens of a prompt, and what they stand for. */
export interface PromptDescription {
  readonly tokenIds: readonly number[];
  /** Each token as the vocabulary spells it (`Ġthe`, `▁the`, `<0x0A>`); empty for an id that it does not have. */
  readonly spellings: readonly string[];
  /** Decoded, special tokens included. */
  readonly text: string;
}

/** Why a prompt is tokenized: for an answer, or to return its tokens. */
export type PromptPurpose = "generation" | "inspection";

/** Tokenizes prompts, within the limits of the engine's queue. */
export interface PromptService {
  /** @throws EngineRequestError `QUEUE_FULL`, `PROMPT_TIMEOUT`, and what the template or the tokenizer throws */
  encode(
    prompt: Prompt,
    call: {
      readonly purpose: PromptPurpose;
      /** Longer prompts than the context are tokenized too: a part of them is used. [false] */
      readonly isTruncated?: boolean;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<readonly number[]>;
  /** @throws as `encode` */
  describe(prompt: Prompt, signal?: AbortSignal): Promise<PromptDescription>;
  /** Records how long an answer took from its first step to its end, to estimate `retryAfterMs`. */
  recordServiceTime(serviceMs: number): void;
}
