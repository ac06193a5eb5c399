import { isJsonObject, UnsupportedShapeError } from "../files/json-shape.ts";
import type { JsonObject } from "../files/json-shape.ts";

/** GPT-2's pattern, which `ByteLevel` applies when it splits by itself. */
const byteLevelPattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const spaceClass = String.raw`\p{White_Space}`;
const wordClass = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200C\u200D`;
const punctuation = String.raw`[\p{P}\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007E]`;

/**
 * Rewrites a pre-tokenizer as splits that the library makes exactly. By itself the library does not split for
 * `Metaspace`, takes white space and digits as JavaScript does, and has only two of the behaviors of `Split`.
 *
 * @throws UnsupportedShapeError
 * @see https://github.com/huggingface/tokenizers, `tokenizers/src/pre_tokenizers` and `normalizer.rs` (`SplitDelimiterBehavior`)
 */
export function explicitSplits(preTokenizer: unknown): unknown {
  if (!isJsonObject(preTokenizer)) {
    return preTokenizer;
  }
  const { type } = preTokenizer;
  switch (type) {
    case "Sequence": {
      const inner: unknown = preTokenizer["pretokenizers"];
      return sequence(Array.isArray(inner) ? inner.map(explicitSplits) : []);
    }
    case "ByteLevel":
      return preTokenizer["use_regex"] === false || preTokenizer["add_prefix_space"] === true
        ? preTokenizer
        : sequence([wordSplit(byteLevelPattern), { ...preTokenizer, use_regex: false }]);
    case "Metaspace": {
      const replacement = typeof preTokenizer["replacement"] === "string" ? preTokenizer["replacement"] : "▁";
      // The Rust library ignores `str_rep`.
      const metaspace = { ...preTokenizer, str_rep: replacement };
      return preTokenizer["split"] === false
        ? metaspace
        : sequence([metaspace, wordSplit(spacedWords(escapePattern(replacement)))]);
    }
    case "Split":
      return split(preTokenizer);
    case "Digits":
      return wordSplit(preTokenizer["individual_digits"] === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
    case "Punctuation":
      return splitBy(punctuation, preTokenizer["behavior"] ?? "Isolated");
    case "Whitespace":
      return keepMatches(`[${wordClass}]+|[^${wordClass}${spaceClass}]+`);
    case "WhitespaceSplit":
      return splitBy(spaceClass, "Removed");
    case "FixedLength":
      return keepMatches(String.raw`\p{Any}{1,${Math.min(Number(preTokenizer["length"] ?? 5), 2 ** 24)}}`);
    case "BertPreTokenizer":
      return sequence([splitBy(spaceClass, "Removed"), wordSplit(punctuation)]);
    case "CharDelimiterSplit":
      return splitBy(escapePattern(String(preTokenizer["delimiter"])), "Removed");
    default:
      return preTokenizer;
  }
}

/** A word with the replaced space before it, if there is one. */
function spacedWords(space: string): string {
  return `${space}(?:(?!${space})\\p{Any})*|(?:(?!${space})\\p{Any})+`;
}

/** A split that isolates every match of a pattern. */
export function wordSplit(pattern: string): JsonObject {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

/** Pre-tokenizers in order. */
export function sequence(steps: readonly unknown[]): JsonObject {
  return { type: "Sequence", pretokenizers: steps.filter((step) => step !== null) };
}

function split(preTokenizer: JsonObject): JsonObject {
  const { pattern, behavior, invert } = preTokenizer;
  const { Regex: regex, String: text } = isJsonObject(pattern) ? pattern : {};
  const delimiter =
    typeof regex === "string" ? regex : typeof text === "string" ? escapePattern(text) : undefined;
  if (delimiter === undefined) {
    return preTokenizer;
  }
  if (invert !== true || behavior === "Isolated") {
    return splitBy(delimiter, behavior);
  }
  if (behavior !== "Removed") {
    throw unsupported({ behavior, invert });
  }
  return keepMatches(delimiter);
}

function unsupported(value: JsonObject): UnsupportedShapeError {
  const expected = "a Split that is inverted only to isolate or remove, and has a known behavior";
  return new UnsupportedShapeError("pre_tokenizer", expected, value);
}

function splitBy(delimiter: string, behavior: unknown): JsonObject {
  const rest = String.raw`(?:(?!${delimiter})\p{Any})+`;
  switch (behavior) {
    case "Isolated":
      return wordSplit(delimiter);
    case "Removed":
      return { ...wordSplit(withoutCaptures(delimiter)), behavior: "Removed" };
    case "Contiguous":
      return wordSplit(`(?:${delimiter})+`);
    case "MergedWithPrevious":
      return keepMatches(`${rest}(?:${delimiter})?|${delimiter}`);
    case "MergedWithNext":
      return keepMatches(`(?:${delimiter})${rest}|${delimiter}|${rest}`);
    default:
      throw unsupported({ behavior });
  }
}

/** Keeps the matches of a pattern and removes the text between them. */
function keepMatches(pattern: string): JsonObject {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Removed", invert: true };
}

/** JavaScript's `split` would return captured groups, too. */
function withoutCaptures(pattern: string): string {
  return pattern.replaceAll(/\\.|\[(?:\\.|[^\]])*\]|\((?!\?)/gs, (part) => (part === "(" ? "(?:" : part));
}

function escapePattern(text: string): string {
  return text.replaceAll(/[-.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
