import type { AddedTokenJson, TokenizerJson } from "./check-tokenizer-json.ts";
import { isAddedToken } from "./check-added-tokens.ts";
import { isJsonObject, ShapeError } from "../files/json-shape.ts";
import type { JsonObject } from "../files/json-shape.ts";
import { explicitSplits, sequence, wordSplit } from "./explicit-splits.ts";
import type { TokenizerSettings } from "./tokenizer.ts";

/**
 * Rewrites the file so that the library does what the Rust library does with it and with the settings: added tokens
 * that only the settings name, the special tokens around a text, and how a text is split.
 */
export function prepareTokenizerJson(json: TokenizerJson, settings: TokenizerSettings): TokenizerJson {
  const known = new Set(json.added_tokens.map((token) => token.content));
  const more = settings.addedTokens.filter(isAddedToken).filter((token) => !known.has(token.content));
  const added: readonly AddedTokenJson[] = [...json.added_tokens, ...more];
  const preTokenizer = canSplitAtSpaces(json)
    ? sequence([json.pre_tokenizer, wordSplit("▁+[^▁]*|[^▁]+")])
    : explicitSplits(json.pre_tokenizer);
  return {
    ...json,
    added_tokens: added,
    pre_tokenizer: preTokenizer,
    post_processor:
      settings.addsSpecialTokens === undefined
        ? resolveTemplateTokens(json.post_processor, tokensById(json), "post_processor")
        : createBosEosProcessor(settings, settings.addsSpecialTokens),
  };
}

/**
 * Whether a SentencePiece text without a pre-tokenizer can be split before each run of spaces. That is exact
 * when no token of the vocabulary has a space after another character, since then no merge crosses the split;
 * and it turns one merge of the whole text into many short ones, most of them cached.
 */
function canSplitAtSpaces(json: TokenizerJson): boolean {
  if (json.model.type !== "BPE") {
    return false;
  }
  const preTokenizer = json.pre_tokenizer as JsonObject | null;
  const isWhole = preTokenizer === null ? replacesSpaces(json.normalizer) : isWholeMetaspace(preTokenizer);
  return isWhole && [...json.tokenIds.keys()].every((token) => !/[^▁]▁/u.test(token));
}

/** Whether a normalizer turns every space into `▁`. */
function replacesSpaces(normalizer: unknown): boolean {
  if (!isJsonObject(normalizer)) {
    return false;
  }
  if (normalizer["type"] === "Sequence" && Array.isArray(normalizer["normalizers"])) {
    return normalizer["normalizers"].some(replacesSpaces);
  }
  return normalizer["type"] === "Replace" && normalizer["content"] === "▁";
}

function isWholeMetaspace(preTokenizer: JsonObject): boolean {
  return preTokenizer["type"] === "Metaspace" && preTokenizer["split"] === false;
}

function tokensById(json: TokenizerJson): ReadonlyMap<number, string> {
  const tokens = new Map<number, string>();
  for (const [token, id] of json.tokenIds) {
    tokens.set(id, token);
  }
  for (const { id, content } of json.added_tokens) {
    tokens.set(id, content);
  }
  return tokens;
}

/** Replaces the names in a template by the tokens of their ids, since the library encodes the names. */
function resolveTemplateTokens(
  processor: unknown,
  tokens: ReadonlyMap<number, string>,
  path: string,
): unknown {
  if (!isJsonObject(processor)) {
    return processor;
  }
  const { type, single, special_tokens: names, processors } = processor;
  if (type === "Sequence" && Array.isArray(processors)) {
    const inner = processors.map((each, index) =>
      resolveTemplateTokens(each, tokens, `${path}.processors[${index}]`),
    );
    return { ...processor, processors: inner };
  }
  if (type !== "TemplateProcessing" || !Array.isArray(single) || !isJsonObject(names)) {
    return processor;
  }
  const spelled = single.flatMap((piece: JsonObject, index): JsonObject[] => {
    const { SpecialToken: special, Sequence: text } = piece;
    const at = `${path}.single[${index}]`;
    if (isJsonObject(text) && text["id"] !== "A") {
      throw new ShapeError(at, "sequence A, the only one of a single text", text["id"]);
    }
    if (!isJsonObject(special)) {
      return [piece];
    }
    const name = String(special["id"]);
    const known = Object.hasOwn(names, name) ? names[name] : undefined;
    if (!isJsonObject(known)) {
      throw new ShapeError(at, "a name of special_tokens", name);
    }
    return (known["ids"] as readonly number[]).map((id) => {
      const token = tokens.get(id);
      if (token === undefined) {
        throw new ShapeError(
          `${path}.special_tokens[${JSON.stringify(name)}].ids`,
          "ids of the vocabulary",
          id,
        );
      }
      return { SpecialToken: { id: token, type_id: 0 } };
    });
  });
  return { ...processor, single: spelled };
}

function createBosEosProcessor(
  settings: TokenizerSettings,
  adds: { readonly bos: boolean; readonly eos: boolean },
): JsonObject {
  const special = (name: string, isOn: boolean): JsonObject[] =>
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
