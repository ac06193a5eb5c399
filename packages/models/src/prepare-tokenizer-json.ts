import type { AddedTokenJson, TokenizerJson } from "./check-tokenizer-json.ts";
import { isAddedToken } from "./check-tokenizer-json.ts";
import { explicitSplits, sequence, wordSplit } from "./explicit-splits.ts";
import type { TokenizerSettings } from "./tokenizer-settings.ts";

type Json = Readonly<Record<string, unknown>>;

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
