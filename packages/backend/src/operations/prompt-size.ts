import type { Prompt } from "./prompt.ts";

const charactersPerToken = 4;
/** Added for each value of a mapping or list. */
const charactersPerValue = 4;

/** Characters of all strings in plain data, and a few for each value. */
function charactersOf(value: unknown): number {
  let characters = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const each = open.pop();
    characters += charactersPerValue;
    if (typeof each === "string") {
      characters += each.length;
    } else if (typeof each === "object" && each !== null) {
      for (const [key, inner] of Object.entries(each)) {
        characters += key.length;
        open.push(inner);
      }
    }
  }
  return characters;
}

/** The size of a prompt before it is tokenized: the characters of its text, messages and tools. */
export function promptCharacters(prompt: Prompt): number {
  if (prompt.kind === "text") return prompt.text.length;
  if (prompt.kind === "tokens") return prompt.tokenIds.length * charactersPerToken;
  return charactersOf(prompt.messages) + charactersOf(prompt.options ?? {});
}

/** Estimates the tokens of a text by its characters. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}
