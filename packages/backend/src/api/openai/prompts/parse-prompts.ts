import type { Prompt } from "../../../operations/prompt.ts";
import { invalidRequest } from "../../shared/api-error.ts";
import { contextLengthExceeded } from "../../shared/context-length.ts";
import { describeValue } from "../../../text/describe-value.ts";

export interface PromptRules {
  readonly vocabSize: number;
  /** As many tokens as a prompt may have. */
  readonly maxPromptTokens: number;
  readonly contextTokens: number;
  readonly maxPrompts: number;
  readonly addSpecialTokens: boolean | undefined;
}

/** The forms of `prompt`, for people. */
export const promptForms: string =
  "a string, an array of strings, an array of token ids, or an array of arrays of token ids";

function wrongPrompt(param: string, expected: string, found: unknown): Error {
  return invalidRequest(
    `Invalid value for \`${param}\`: expected ${expected}; found ${describeValue(found)}`,
    {
      code: "invalid_value",
      param,
    },
  );
}

function tokensPrompt(tokenIds: readonly unknown[], param: string, rules: PromptRules): Prompt {
  const { vocabSize, contextTokens, maxPromptTokens } = rules;
  if (tokenIds.length === 0) throw wrongPrompt(param, "at least 1 token id", tokenIds);
  // Known without the engine, which need not be sent millions of numbers to say so.
  if (tokenIds.length > maxPromptTokens) {
    throw contextLengthExceeded({ promptTokens: tokenIds.length, contextTokens });
  }
  const wrongAt = tokenIds.findIndex(
    (tokenId) => !Number.isInteger(tokenId) || (tokenId as number) < 0 || (tokenId as number) >= vocabSize,
  );
  if (wrongAt >= 0) {
    throw wrongPrompt(`${param}[${wrongAt}]`, `a token id from 0 to ${vocabSize - 1}`, tokenIds[wrongAt]);
  }
  return { kind: "tokens", tokenIds: tokenIds as readonly number[] };
}

/**
 * Reads the four forms of `prompt`: a string, several strings, token ids, several arrays of token ids.
 * @throws ApiError 400
 */
export function parsePrompts(prompt: unknown, rules: PromptRules): readonly Prompt[] {
  const { maxPrompts, addSpecialTokens } = rules;
  const textPrompt = (text: string): Prompt => ({
    kind: "text",
    text,
    ...(addSpecialTokens === undefined ? {} : { addSpecialTokens }),
  });
  if (typeof prompt === "string") return [textPrompt(prompt)];
  if (!Array.isArray(prompt)) throw wrongPrompt("prompt", promptForms, prompt);
  const elements: readonly unknown[] = prompt;
  const [first] = elements;
  if (typeof first === "number") return [tokensPrompt(elements, "prompt", rules)];
  if (elements.length === 0 || elements.length > maxPrompts) {
    throw wrongPrompt("prompt", `1 to ${maxPrompts} prompts`, elements);
  }
  return elements.map((element, index) => {
    const param = `prompt[${index}]`;
    if (typeof first === "string") {
      if (typeof element === "string") return textPrompt(element);
      throw wrongPrompt(param, "a string as the first one is", element);
    }
    if (Array.isArray(element)) return tokensPrompt(element, param, rules);
    throw wrongPrompt(
      param,
      Array.isArray(first) ? "an array of token ids as the first one is" : "a string or token ids",
      element,
    );
  });
}
