import type { ChatTemplate, Tokenizer } from "@infernode/models";
import { EngineRequestError } from "../errors.ts";
import type { Prompt, PromptDescription } from "./engine-client.ts";

export interface PromptEncoderOptions {
  readonly tokenizer: Pick<Tokenizer, "vocabSize" | "encode" | "decode" | "tokenOf">;
  readonly chatTemplate: ChatTemplate | undefined;
  readonly contextTokens: number;
  /** Encodes texts of 16384 characters and more. [the tokenizer, in this thread] */
  readonly encodeLong?: ((text: string, addSpecialTokens: boolean) => Promise<readonly number[]>) | undefined;
}

/** Makes token ids of a prompt: renders the chat template, encodes the text. */
export interface PromptEncoder {
  /**
   * Refuses a text that cannot fit by its length alone, before it is tokenized.
   * @throws EngineRequestError `CONTEXT_LENGTH_EXCEEDED`, `CHAT_TEMPLATE_MISSING`; ModelError `CHAT_TEMPLATE_FAILED`
   */
  encode(prompt: Prompt): Promise<readonly number[]>;
  /** Encodes a prompt, and decodes it again. @throws as `encode` does */
  describe(prompt: Prompt): Promise<PromptDescription>;
}

const longTextCharacters = 16_384;

/** The most characters that one token can stand for, by the vocabulary's own spelling. */
function longestTokenCharacters(tokenizer: PromptEncoderOptions["tokenizer"]): number {
  let longest = 1;
  for (let tokenId = 0; tokenId < tokenizer.vocabSize; tokenId++) {
    const length = tokenizer.tokenOf(tokenId)?.length ?? 0;
    if (length > longest) longest = length;
  }
  return longest;
}

/** Creates an encoder for one model; the vocabulary is looked through once. */
export function createPromptEncoder(options: PromptEncoderOptions): PromptEncoder {
  const { tokenizer, chatTemplate, contextTokens, encodeLong } = options;
  const longestCharacters = longestTokenCharacters(tokenizer);

  const encodeText = async (text: string, addSpecialTokens: boolean): Promise<readonly number[]> => {
    const fewestTokens = Math.ceil(text.length / longestCharacters);
    if (fewestTokens >= contextTokens) {
      throw new EngineRequestError({
        code: "CONTEXT_LENGTH_EXCEEDED",
        message:
          `the maximum context length is ${contextTokens} tokens; ` +
          `a prompt of ${text.length} characters has at least ${fewestTokens}`,
        data: { leastPromptTokens: fewestTokens, contextTokens },
      });
    }
    if (text.length >= longTextCharacters && encodeLong !== undefined)
      return encodeLong(text, addSpecialTokens);
    return tokenizer.encode(text, { addSpecialTokens });
  };

  const encode = async (prompt: Prompt): Promise<readonly number[]> => {
    switch (prompt.kind) {
      case "tokens":
        return prompt.tokenIds;
      case "text":
        return encodeText(prompt.text, prompt.addSpecialTokens ?? true);
      case "chat":
        if (chatTemplate === undefined) {
          throw new EngineRequestError({
            code: "CHAT_TEMPLATE_MISSING",
            message: "the model has no chat template; use completions with a text of your own making",
            param: "messages",
          });
        }
        // Templates write the special tokens themselves.
        return encodeText(chatTemplate.render(prompt.messages, prompt.options), false);
    }
  };

  return {
    encode,
    describe: async (prompt) => {
      const tokenIds = await encode(prompt);
      const spellings = tokenIds.map((tokenId) => tokenizer.tokenOf(tokenId) ?? "");
      return { tokenIds, spellings, text: tokenizer.decode(tokenIds) };
    },
  };
}
