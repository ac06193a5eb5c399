import type { Prompt } from "../../operations/prompt.ts";

const charactersPerToken = 4;
/** What a number or a name of a mapping counts at least, beside its text. */
const charactersPerValue = 4;

/** Characters of all texts in plain data, with a little for each value. */
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

/** How much work a prompt is before it is tokenized: the characters of its text, messages and tools. */
export function promptCharacters(prompt: Prompt): number {
  if (prompt.kind === "text") return prompt.text.length;
  if (prompt.kind === "tokens") return prompt.tokenIds.length * charactersPerToken;
  return charactersOf(prompt.messages) + charactersOf(prompt.options ?? {});
}

/** About as many tokens as so many characters will have. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}
