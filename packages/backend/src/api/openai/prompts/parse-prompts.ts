import type { Prompt } from "../../../operations/prompt.ts";
import { invalidValue } from "../../shared/api-error.ts";
import { assertTokenIds } from "../../shared/body/token-ids.ts";
import { contextLengthExceeded } from "../../shared/context-length.ts";

export interface PromptRules {
  readonly vocabSize: number | undefined;
  /** Tokens that a prompt may have. */
  readonly maxPromptTokens: number;
  readonly contextTokens: number;
  readonly maxPrompts: number;
  readonly addSpecialTokens: boolean | undefined;
}

/** The forms of `prompt`, for people. */
export const promptForms: string =
  "a string, an array of strings, an array of token ids, or an array of arrays of token ids";

function tokensPrompt(tokenIds: readonly unknown[], param: string, rules: PromptRules): Prompt {
  const { vocabSize, contextTokens, maxPromptTokens } = rules;
  if (tokenIds.length === 0) throw invalidValue(param, "at least 1 token id", { got: tokenIds });
  // The engine is not sent millions of numbers to find that out.
  if (tokenIds.length > maxPromptTokens) {
    throw contextLengthExceeded({ promptTokens: tokenIds.length, contextTokens });
  }
  assertTokenIds(tokenIds, param, vocabSize);
  return { kind: "tokens", tokenIds };
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
  if (!Array.isArray(prompt)) throw invalidValue("prompt", promptForms, { got: prompt });
  const elements: readonly unknown[] = prompt;
  const [first] = elements;
  if (typeof first === "number") return [tokensPrompt(elements, "prompt", rules)];
  if (elements.length === 0 || elements.length > maxPrompts) {
    throw invalidValue("prompt", `1 to ${maxPrompts} prompts`, { got: elements });
  }
  return elements.map((element, index) => {
    const param = `prompt[${index}]`;
    if (typeof first === "string") {
      if (typeof element === "string") return textPrompt(element);
      throw invalidValue(param, "a string like the first one", { got: element });
    }
    if (Array.isArray(element)) return tokensPrompt(element, param, rules);
    const expected = Array.isArray(first)
      ? "an array of token ids like the first one"
      : "a string or an array of token ids";
    throw invalidValue(param, expected, { got: element });
  });
}
