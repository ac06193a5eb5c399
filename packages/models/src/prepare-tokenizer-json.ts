import type { AddedTokenJson, TokenizerJson } from "./check-tokenizer-json.ts";
import { isAddedToken } from "./check-tokenizer-json.ts";
import type { TokenizerSettings } from "./tokenizer-settings.ts";

type Json = Readonly<Record<string, unknown>>;

/** GPT-2's pattern, which `ByteLevel` applies when it splits by itself. */
const BYTE_LEVEL_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * Makes the file say what the settings and the reference mean, in words that the library takes literally:
 * tokens that only the settings name, what surrounds a text, and how it is split.
 */
export function prepareTokenizerJson(json: TokenizerJson, settings: TokenizerSettings): TokenizerJson {
  const known = new Set(json.added_tokens.map((token) => token.content));
  const more = settings.addedTokens.filter(isAddedToken).filter((token) => !known.has(token.content));
  const added: readonly AddedTokenJson[] = [...json.added_tokens, ...more];
  const preTokenizer = splitsSpaces(json)
    ? sequence([json.pre_tokenizer, wordSplit("▁+[^▁]*|[^▁]+")])
    : explicitSplits(json.pre_tokenizer);
  return {
    ...json,
    added_tokens: added,
    pre_tokenizer: preTokenizer,
    post_processor:
      settings.addsTokens === undefined ? json.post_processor : surround(settings, settings.addsTokens),
  };
}

/**
 * Whether a SentencePiece text, which nothing splits, may be split before each run of spaces. That is exact
 * when no token of the vocabulary has a space after another character, for then no merge crosses the place;
 * and it turns one merge over the whole text into many short ones, most of them seen before.
 */
function splitsSpaces(json: TokenizerJson): boolean {
  if (json.model.type !== "BPE") {
    return false;
  }
  const preTokenizer = json.pre_tokenizer as Json | null;
  const isWhole = preTokenizer === null ? writesSpaces(json.normalizer) : isWholeMetaspace(preTokenizer);
  return isWhole && [...json.tokenIds.keys()].every((token) => !/[^▁]▁/u.test(token));
}

/** Whether a normalizer turns every space into `▁`. */
function writesSpaces(normalizer: unknown): boolean {
  if (!isRecord(normalizer)) {
    return false;
  }
  if (normalizer["type"] === "Sequence" && Array.isArray(normalizer["normalizers"])) {
    return normalizer["normalizers"].some(writesSpaces);
  }
  return normalizer["type"] === "Replace" && normalizer["content"] === "▁";
}

function isWholeMetaspace(preTokenizer: Json): boolean {
  return preTokenizer["type"] === "Metaspace" && preTokenizer["split"] === false;
}

/** Spells out the splits that `ByteLevel` and `Metaspace` make by themselves. */
function explicitSplits(preTokenizer: unknown): unknown {
  if (!isRecord(preTokenizer)) {
    return preTokenizer;
  }
  switch (preTokenizer["type"]) {
    case "Sequence": {
      const inner: unknown = preTokenizer["pretokenizers"];
      return { ...preTokenizer, pretokenizers: Array.isArray(inner) ? inner.map(explicitSplits) : [] };
    }
    case "ByteLevel":
      return preTokenizer["use_regex"] === false || preTokenizer["add_prefix_space"] === true
        ? preTokenizer
        : sequence([wordSplit(BYTE_LEVEL_PATTERN), { ...preTokenizer, use_regex: false }]);
    case "Metaspace": {
      const replacement = typeof preTokenizer["replacement"] === "string" ? preTokenizer["replacement"] : "▁";
      return preTokenizer["split"] === false
        ? preTokenizer
        : sequence([preTokenizer, wordSplit(`${replacement}[^${replacement}]*|[^${replacement}]+`)]);
    }
    default:
      return preTokenizer;
  }
}

function wordSplit(pattern: string): Json {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

function sequence(steps: readonly unknown[]): Json {
  return { type: "Sequence", pretokenizers: steps.filter((step) => step !== null) };
}

function surround(settings: TokenizerSettings, adds: { readonly bos: boolean; readonly eos: boolean }): Json {
  const special = (name: string, isOn: boolean): Json[] =>
    isOn ? [{ SpecialToken: { id: settings.specialTokens.get(name), type_id: 0 } }] : [];
  return {
    type: "TemplateProcessing",
    single: [
      ...special("bos_token", adds.bos),
      { Sequence: { id: "A", type_id: 0 } },
      ...special("eos_token", adds.eos),
    ],
    pair: [],
    special_tokens: {},
  };
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
