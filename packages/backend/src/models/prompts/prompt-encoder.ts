import type { ChatTemplate, Tokenizer } from "@infernode/models";
import { EngineRequestError } from "../../errors.ts";
import type { Prompt, PromptDescription } from "../../operations/prompt.ts";

export interface PromptEncoderOptions {
  readonly tokenizer: Pick<Tokenizer, "vocabSize" | "encode" | "decode" | "tokenOf">;
  readonly chatTemplate: ChatTemplate | undefined;
}

/** Renders the chat template and tokenizes prompts. Blocks its thread. */
export interface PromptEncoder {
  /**
   * Refuses a text whose length shows that it cannot fit before it is tokenized.
   * @throws EngineRequestError `CONTEXT_LENGTH_EXCEEDED`, `CHAT_TEMPLATE_MISSING`, `INVALID_REQUEST` for a text of more than 8 Mi characters; ModelError `CHAT_TEMPLATE_FAILED`, `TOKENIZER_FAILED`
   */
  encode(prompt: Prompt, contextTokens: number): readonly number[];
  /** Tokenizes a prompt, and decodes the tokens. @throws as `encode` does */
  describe(prompt: Prompt, contextTokens: number): PromptDescription;
}

/** The memory of a prompt thread is enough for this, whatever the tokenizer is. */
const maxTextCharacters = 2 ** 23;

/** The most characters that one token can represent, by its spelling in the vocabulary. */
function longestTokenCharacters(tokenizer: PromptEncoderOptions["tokenizer"]): number {
  let longest = 1;
  for (let tokenId = 0; tokenId < tokenizer.vocabSize; tokenId += 1) {
    const length = tokenizer.tokenOf(tokenId)?.length ?? 0;
    if (length > longest) longest = length;
  }
  return longest;
}

/** Creates an encoder for one model; reads the whole vocabulary once. */
export function createPromptEncoder({ tokenizer, chatTemplate }: PromptEncoderOptions): PromptEncoder {
  const longestCharacters = longestTokenCharacters(tokenizer);

  const assertMayFit = (text: string, contextTokens: number): void => {
    const fewestTokens = Math.ceil(text.length / longestCharacters);
    if (text.length > maxTextCharacters) {
      throw new EngineRequestError({
        code: "INVALID_REQUEST",
        message: `expected a prompt of at most ${maxTextCharacters} characters, got ${text.length}`,
        param: "prompt",
      });
    }
    if (fewestTokens < contextTokens) return;
    throw new EngineRequestError({
      code: "CONTEXT_LENGTH_EXCEEDED",
      message:
        `the maximum context length is ${contextTokens} tokens; ` +
        `a prompt of ${text.length} characters has at least ${fewestTokens}`,
      data: { leastPromptTokens: fewestTokens, contextTokens },
    });
  };
  /** Templates write the special tokens themselves. */
  const toText = (
    prompt: Exclude<Prompt, { kind: "tokens" }>,
  ): [text: string, addsSpecialTokens: boolean] => {
    if (prompt.kind === "text") return [prompt.text, prompt.addSpecialTokens ?? true];
    if (chatTemplate !== undefined) return [chatTemplate.render(prompt.messages, prompt.options), false];
    throw new EngineRequestError({
      code: "CHAT_TEMPLATE_MISSING",
      message: "expected a model with a chat template, got one without; use completions instead",
      param: "messages",
    });
  };
  const encode = (prompt: Prompt, contextTokens: number): readonly number[] => {
    if (prompt.kind === "tokens") return prompt.tokenIds;
    const [text, addSpecialTokens] = toText(prompt);
    assertMayFit(text, contextTokens);
    return tokenizer.encode(text, { addSpecialTokens });
  };

  return {
    encode,
    describe: (prompt, contextTokens) => {
      const tokenIds = encode(prompt, contextTokens);
      const spellings = tokenIds.map((tokenId) => tokenizer.tokenOf(tokenId) ?? "");
      return { tokenIds, spellings, text: tokenizer.decode(tokenIds) };
    },
  };
}
