import type { CharacterAutomaton } from "../../automaton/character-automaton.ts";
import { anyTextAutomaton } from "../../automaton/text-automata.ts";
import { textsUnlike } from "../../automaton/texts-unlike.ts";
import { allCodePoints, type CodePoints } from "../../characters/code-points.ts";
import { anyJsonCharacter, encodeJsonCharacters } from "../../characters/json-text.ts";
import { encodeCodePoints } from "../../characters/utf8.ts";
import type { Budget } from "../../program/budget.ts";
import type { Expression } from "../../program/expression.ts";
import { escapePattern } from "../../regex/escape-pattern.ts";
import { parsePattern } from "../../regex/parse-pattern.ts";

/** How strings are written. */
export interface StringNotation {
  readonly open: Uint8Array;
  /** At least one byte. */
  readonly close: Uint8Array;
  readonly encode: (points: CodePoints) => Expression;
  readonly anyCharacter: Expression;
  /** The texts that can be written. */
  readonly allowed: CharacterAutomaton;
  /** A text without what is around it; `undefined` if it cannot be written. */
  readonly inside: (text: string) => string | undefined;
}

const quote = new TextEncoder().encode('"');

/** Strings as in JSON. */
export function jsonStrings(): StringNotation {
  return {
    open: quote,
    close: quote,
    encode: encodeJsonCharacters,
    anyCharacter: anyJsonCharacter(),
    allowed: anyTextAutomaton,
    inside: jsonInside,
  };
}

/**
 * Strings in double quotes with the escapes that JSON and Python share, one for each character. A text that they do not
 * contain can be in a string that is given: its first character is escaped then.
 */
export function sharedStrings(without: readonly string[], budget: Budget): StringNotation {
  return {
    ...jsonStrings(),
    anyCharacter: encodeJsonCharacters(allCodePoints),
    allowed: textsWithout(without, budget),
    inside: (text) =>
      without.reduce(
        (inside, mark) => inside.replaceAll(mark, (found) => `${escapeOf(found)}${found.slice(1)}`),
        jsonInside(text),
      ),
  };
}

/** Texts as they are, up to what closes them. */
export function rawStrings(
  {
    open,
    close,
    without,
  }: { readonly open: Uint8Array; readonly close: Uint8Array; readonly without: readonly string[] },
  budget: Budget,
): StringNotation {
  return {
    open,
    close,
    encode: encodeCodePoints,
    anyCharacter: encodeCodePoints(allCodePoints),
    allowed: textsWithout(without, budget),
    inside: (text) => (without.some((mark) => text.includes(mark)) ? undefined : text),
  };
}

function jsonInside(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function escapeOf(text: string): string {
  return `\\u${text.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The texts that contain none of some others. */
function textsWithout(texts: readonly string[], budget: Budget): CharacterAutomaton {
  if (texts.length === 0) return anyTextAutomaton;
  const pattern = String.raw`[\s\S]*(?:${texts.map(escapePattern).join("|")})[\s\S]*`;
  return textsUnlike(parsePattern(pattern, "without", budget), budget);
}
