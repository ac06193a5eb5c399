import { ModelError, quoteValue } from "../../errors.ts";
import { checkTokenizerJson, withFile } from "../../tokenizer/check-tokenizer-json.ts";
import { createTokenizer } from "../../tokenizer/create-tokenizer.ts";
import { wordSplit } from "../../tokenizer/explicit-splits.ts";
import { prepareTokenizerJson } from "../../tokenizer/prepare-tokenizer-json.ts";
import { sentencePieceJson } from "../../tokenizer/sentence-piece-json.ts";
import type { LoadedTokenizer, TokenizerSettings } from "../../tokenizer/tokenizer.ts";
import type { GgufMetadata } from "./gguf-metadata.ts";
import { preTokenizers } from "./pre-tokenizers.ts";
import { findEndTokens, tokenType, withControlTypes, type Vocabulary } from "./find-end-tokens.ts";

/** Arrays of the metadata that a tokenizer needs. */
export const tokenizerArrays: ReadonlySet<string> = new Set([
  "tokenizer.ggml.tokens",
  "tokenizer.ggml.scores",
  "tokenizer.ggml.token_type",
  "tokenizer.ggml.merges",
]);

/** Names of special tokens by the keys of their ids; SentencePiece has ids for those that a file does not name. */
const specialNames = [
  { name: "bos_token", key: "bos_token_id", sentencePieceId: 1 },
  { name: "eos_token", key: "eos_token_id", sentencePieceId: 2 },
  { name: "unk_token", key: "unknown_token_id", sentencePieceId: 0 },
  { name: "pad_token", key: "padding_token_id" },
  { name: "sep_token", key: "seperator_token_id" },
  { name: "mask_token", key: "mask_token_id" },
] as const;

/** The tokenizer of a file, with what else the metadata says about tokens. */
export interface GgufTokenizer {
  readonly tokenizer: LoadedTokenizer;
  readonly settings: TokenizerSettings;
  /** Tokens that end an answer. */
  readonly endTokenIds: readonly number[];
}

export interface GgufTokenizerOptions {
  readonly path: string;
  readonly encodes: boolean;
  readonly hasTimeLimit: boolean;
}

/**
 * Creates the tokenizer that the metadata of a file describes: byte-level BPE or SentencePiece.
 *
 * @throws ModelError `INVALID_TOKENIZER`, `UNSUPPORTED_TOKENIZER`
 */
export function createGgufTokenizer(
  metadata: GgufMetadata,
  { path, encodes, hasTimeLimit }: GgufTokenizerOptions,
): GgufTokenizer {
  const fields = new TokenizerFields(metadata, path);
  const model = fields.get("model");
  if (model !== "gpt2" && model !== "llama") {
    const mismatch = { expected: "gpt2 (byte-level BPE) or llama (SentencePiece)", got: quoteValue(model) };
    throw new ModelError("UNSUPPORTED_TOKENIZER", mismatch, { file: path, field: "tokenizer.ggml.model" });
  }
  const tokens = fields.texts("tokens");
  const tokenIds = fields.tokenIds(tokens);
  const types = withControlTypes({ tokens, types: fields.numbers("token_type"), tokenIds });
  const vocabulary: Vocabulary = { tokens, types, tokenIds };
  const stripsSpace = metadata.get("general.architecture") === "phi3";
  const { json, addsBos } =
    model === "gpt2" ? byteLevelJson(fields, vocabulary) : piecesJson(fields, vocabulary, stripsSpace);
  const specialTokens = new Map<string, string>();
  for (const { name, key, ...defaults } of specialNames) {
    const fallback =
      model === "llama" && "sentencePieceId" in defaults ? defaults.sentencePieceId : undefined;
    const token = tokens[Number(fields.get(key) ?? fallback ?? -1)];
    if (token !== undefined) specialTokens.set(name, token);
  }
  const adds = (key: string, otherwise: boolean, name: string): boolean =>
    (fields.get(key) ?? otherwise) === true && specialTokens.has(name);
  const settings: TokenizerSettings = {
    specialTokens,
    additionalSpecialTokens: [],
    addsSpecialTokens: {
      bos: adds("add_bos_token", addsBos, "bos_token"),
      eos: adds("add_eos_token", false, "eos_token"),
    },
    addedTokens: [],
    chatTemplate: readTemplates(metadata),
  };
  const checked = withFile(path, () => prepareTokenizerJson(checkTokenizerJson(json, path), settings));
  const sizeBytes = tokens.reduce((sum, token) => sum + token.length, 0);
  const tokenizer = createTokenizer(checked, settings, { file: path, sizeBytes, encodes, hasTimeLimit });
  const named = ["eos_token_id", "eot_token_id", "eom_token_id"].map((key) => fields.get(key));
  return { tokenizer, settings, endTokenIds: findEndTokens(vocabulary, named) };
}

/** A `tokenizer.json`, and whether a text starts with `bos` where the metadata does not say. */
interface DescribedTokenizer {
  readonly json: object;
  readonly addsBos: boolean;
}

function byteLevelJson(fields: TokenizerFields, vocabulary: Vocabulary): DescribedTokenizer {
  const pre = fields.get("pre") ?? "default";
  const preTokenizer = typeof pre === "string" ? preTokenizers.get(pre) : undefined;
  if (preTokenizer === undefined) {
    throw new ModelError(
      "UNSUPPORTED_TOKENIZER",
      { expected: `one of ${[...preTokenizers.keys()].join(", ")}`, got: quoteValue(pre) },
      { file: fields.path, field: "tokenizer.ggml.pre" },
    );
  }
  const { patterns, bytePatterns = [], normalizer = null } = preTokenizer;
  const { ignoresMerges = false, addsBos = false } = preTokenizer;
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  const pretokenizers = [...patterns.map(wordSplit), byteLevel, ...bytePatterns.map(wordSplit)];
  const json = {
    version: "1.0",
    added_tokens: addedTokens(vocabulary),
    normalizer,
    pre_tokenizer: { type: "Sequence", pretokenizers },
    decoder: { ...byteLevel, use_regex: true },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(vocabulary.tokenIds),
      merges: fields.texts("merges"),
      ignore_merges: ignoresMerges,
    },
  };
  return { json, addsBos };
}

function piecesJson(
  fields: TokenizerFields,
  vocabulary: Vocabulary,
  stripsSpace: boolean,
): DescribedTokenizer {
  const json = sentencePieceJson({
    tokenIds: vocabulary.tokenIds,
    scores: fields.numbers("scores"),
    unknownToken: vocabulary.tokens[Number(fields.get("unknown_token_id") ?? 0)] ?? null,
    addsSpace: (fields.get("add_space_prefix") ?? true) === true,
    addedTokens: addedTokens(vocabulary, stripsSpace),
  });
  return { json, addsBos: true };
}

/** Of Phi-3: all others take the white space after them, which the metadata does not say. @see its `tokenizer.json` */
const spacedTokens: ReadonlySet<string> = new Set(["<unk>", "<s>", "<|endoftext|>"]);

/** Tokens that are found in a text before it is split. */
function addedTokens({ tokens, types }: Vocabulary, stripsSpace = false): readonly object[] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    const special = type === tokenType.control || type === tokenType.unknown;
    if (!special && type !== tokenType.userDefined) return [];
    const rstrip = stripsSpace && !spacedTokens.has(content);
    return [{ id, content, special, normalized: false, single_word: false, lstrip: false, rstrip }];
  });
}

/** The template of a file, or both where it has another one for conversations with tools. */
function readTemplates(metadata: GgufMetadata): unknown {
  const template = metadata.get("tokenizer.chat_template");
  const toolUse = metadata.get("tokenizer.chat_template.tool_use");
  if (typeof template !== "string" || toolUse === undefined) return template;
  return [
    { name: "default", template },
    { name: "tool_use", template: toolUse },
  ];
}

/** Reads the fields of `tokenizer.ggml`. */
class TokenizerFields {
  readonly path: string;
  readonly #metadata: GgufMetadata;

  constructor(metadata: GgufMetadata, path: string) {
    this.#metadata = metadata;
    this.path = path;
  }

  get(name: string): unknown {
    return this.#metadata.get(`tokenizer.ggml.${name}`);
  }

  texts(name: string): readonly string[] {
    const value = this.get(name);
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
    throw this.#invalid(name, { expected: "an array of texts", got: nameOf(value) });
  }

  /** Empty where the file has none. */
  numbers(name: string): readonly number[] {
    const value = this.get(name) ?? [];
    if (Array.isArray(value) && value.every((each) => typeof each === "number")) return value;
    throw this.#invalid(name, { expected: "an array of numbers", got: nameOf(value) });
  }

  /** The ids of tokens; each text once. */
  tokenIds(tokens: readonly string[]): ReadonlyMap<string, number> {
    const ids = new Map<string, number>();
    for (const [id, token] of tokens.entries()) {
      const other = ids.get(token);
      if (other !== undefined) {
        const got = `${quoteValue(token)} for ${other} and ${id}`;
        throw this.#invalid("tokens", { expected: "each token once", got });
      }
      ids.set(token, id);
    }
    return ids;
  }

  #invalid(name: string, mismatch: { readonly expected: string; readonly got: string }): ModelError {
    return new ModelError("INVALID_TOKENIZER", mismatch, {
      file: this.path,
      field: `tokenizer.ggml.${name}`,
    });
  }
}

function nameOf(value: unknown): string {
  return value === undefined ? "nothing" : Array.isArray(value) ? "an array of others" : typeof value;
}
