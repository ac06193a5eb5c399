import { createBpeMerger } from "./bpe-merger.ts";
import type { BpeTables } from "./bpe-merger.ts";
import type { TokenizerJson } from "./check-tokenizer-json.ts";
import { ModelError, quoteValue } from "../errors.ts";
import { boundNormalizer } from "./bound-normalizer.ts";
import { createTimeLimit, TimeLimitError, type TimeLimit } from "./create-time-limit.ts";
import { createTokenDecoder } from "./token-decoder.ts";
import type { LoadedTokenizer, TokenizerSettings } from "./tokenizer.ts";
import { tokenizers } from "./tokenizers-library.ts";
import type {
  LibraryModel,
  LibraryNormalizer,
  LibraryNormalizerStep,
  LibraryTokenizer,
} from "./tokenizers-library.ts";

/** Options of `createTokenizer`. */
export interface CreateTokenizerOptions {
  /** Where the tokenizer is from, for messages. */
  readonly file: string;
  /** Of the file: a large one may take longer to load. */
  readonly sizeBytes: number;
  /** False builds no encoder, which saves its memory; `encode` throws then. */
  readonly encodes: boolean;
  /** False where the whole thread can be stopped. */
  readonly hasTimeLimit: boolean;
}

const loadTimeoutMs = 5000;
const loadBytesPerMs = 1024;
const encodeTimeoutMs = 5000;
const encodeCharactersPerMs = 500;

/**
 * Creates a tokenizer: the library encodes, this package decodes (see `docs/decisions/0003-tokenizer-and-template-libraries.md`).
 *
 * @throws ModelError `INVALID_TOKENIZER`, `UNSUPPORTED_TOKENIZER`
 */
export function createTokenizer(
  json: TokenizerJson,
  settings: TokenizerSettings,
  options: CreateTokenizerOptions,
): LoadedTokenizer {
  const { file } = options;
  const decoder = createTokenDecoder(json.decoder, file);
  const limit = createTimeLimit();
  const library = options.encodes ? buildLibrary(json, options, limit) : undefined;
  const tokens = listTokens(json);
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (token !== undefined) {
      ids.set(token, id);
    }
  }
  const specialTokenIds = collectSpecialIds(json, settings, ids);
  const idOfSpecial = (name: string): number | undefined => ids.get(settings.specialTokens.get(name) ?? "");
  const noBytes = new Uint8Array(0);
  /** By id; made when a token is generated first. */
  const textsBehind: (string | undefined)[] = Array.from({ length: tokens.length });
  const encode = (text: string, addsSpecialTokens: boolean): number[] => {
    if (library === undefined) {
      const mismatch = { expected: "a tokenizer that encodes", got: "one loaded to decode only" };
      throw new ModelError("INVALID_ARGUMENT", mismatch);
    }
    const run = (): number[] => library.encode(text, { add_special_tokens: addsSpecialTokens }).ids;
    if (!options.hasTimeLimit) {
      return run();
    }
    try {
      return limit(encodeTimeoutMs + Math.ceil(text.length / encodeCharactersPerMs), run);
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error;
      const mismatch = { expected: "token ids", got: `encoding that ${error.message}` };
      throw new ModelError("TOKENIZER_FAILED", mismatch, { file, cause: error });
    }
  };

  return {
    modelType: json.model.type,
    vocabSize: tokens.length,
    bosTokenId: idOfSpecial("bos_token"),
    eosTokenId: idOfSpecial("eos_token"),
    specialTokenIds,
    encode(text, options) {
      if (text === "" && options?.addSpecialTokens === false) {
        return [];
      }
      return encode(text, options?.addSpecialTokens ?? true);
    },
    decode(tokenIds, options) {
      const skips = options?.skipSpecialTokens ?? false;
      const spelled: string[] = [];
      for (const id of tokenIds) {
        const token = tokens[id];
        if (token !== undefined && !(skips && specialTokenIds.has(id))) {
          spelled.push(token);
        }
      }
      return decoder.text(spelled);
    },
    textBehind(tokenId) {
      const known = textsBehind[tokenId];
      if (known !== undefined) return known;
      const token = tokens[tokenId];
      if (token === undefined || specialTokenIds.has(tokenId)) return undefined;
      const text = decoder.textBehind(token);
      textsBehind[tokenId] = text;
      return text;
    },
    tokenOf: (tokenId) => tokens[tokenId],
    idOf: (token) => ids.get(token),
    bytesOf(tokenId) {
      const token = tokens[tokenId];
      return token === undefined || specialTokenIds.has(tokenId) ? noBytes.slice() : decoder.bytes(token);
    },
  };
}

/** Builds the encoder and tries it on a text, within a time limit: the file may be hostile. */
function buildLibrary(
  json: TokenizerJson,
  { file, sizeBytes }: CreateTokenizerOptions,
  limit: TimeLimit,
): LibraryTokenizer {
  try {
    return limit(loadTimeoutMs + Math.ceil(sizeBytes / loadBytesPerMs), () => {
      const normalizer = createNormalizer(json, file);
      const library = newLibraryTokenizer(json);
      library.normalizer = normalizer;
      const { ids } = library.encode("a b", { add_special_tokens: true });
      if (!ids.every((id) => Number.isInteger(id))) {
        throw new TypeError(`"a b" encodes to ${quoteValue(ids)}`);
      }
      return library;
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const mismatch = { expected: "a tokenizer that encodes", got: `an error: ${reason}` };
    throw new ModelError("INVALID_TOKENIZER", mismatch, { file, cause: error });
  }
}

/** Tries it on the added tokens, too: the library normalizes them, without a bound, when it is built. */
function createNormalizer(json: TokenizerJson, file: string): LibraryNormalizer | null {
  if (json.normalizer === null) {
    return null;
  }
  const model = { type: "BPE", vocab: {}, merges: [] };
  const library = new tokenizers.Tokenizer({ ...json, pre_tokenizer: null, added_tokens: [], model }, {});
  const normalizer = boundNormalizer(library.normalizer as LibraryNormalizerStep | null, file);
  for (const token of json.added_tokens) {
    if (token.normalized ?? token.special !== true) {
      normalizer?.(token.content);
    }
  }
  return normalizer;
}

/** The library's second argument, `tokenizer_config.json`, would only affect decoding and lower-casing. */
function newLibraryTokenizer(json: TokenizerJson): LibraryTokenizer {
  const { model } = json;
  if (model.type === "Unigram") {
    const library = new tokenizers.Tokenizer(json, {});
    const { model: pieces } = library;
    if (pieces !== null) {
      // The library's own passes every token of a word as an argument, which overflows the stack.
      fuseWithinWords(pieces, (word) => pieces.tokenize(word));
    }
    return library;
  }
  if (hasAffixes(model)) {
    return new tokenizers.Tokenizer(json, {});
  }
  // The library's own merge tables would take most of the loading time and are not used.
  const library = new tokenizers.Tokenizer({ ...json, model: { ...model, merges: [] } }, {});
  if (library.model !== null) {
    const merges = model.merges as BpeTables["merges"];
    library.model.bpe = createBpeMerger({ tokenIds: json.tokenIds, merges });
    const { model: merger } = library;
    if (merger.fuse_unk && merger.byte_fallback !== true) {
      const encode = merger.encode.bind(merger);
      fuseWithinWords(merger, (word) => encode([word]));
    }
  }
  return library;
}

/** Fuses adjacent unknown tokens within a word, where the library does across words. */
function fuseWithinWords(model: LibraryModel, tokenize: (word: string) => readonly string[]): void {
  const isUnknown = (token: string): boolean =>
    (model.tokens_to_ids.get(token) ?? model.unk_token_id) === model.unk_token_id;
  const { fuse_unk: fuses } = model;
  model.fuse_unk = false;
  model.encode = (words): string[] => {
    const tokens: string[] = [];
    for (const word of words) {
      let wasUnknown = false;
      for (const token of tokenize(word)) {
        const unknown = fuses && isUnknown(token);
        if (!unknown || !wasUnknown) tokens.push(token);
        wasUnknown = unknown;
      }
    }
    return tokens;
  };
}

/** Whether the model has affixes, which only the library's own merge step supports. */
function hasAffixes(model: object): boolean {
  const { continuing_subword_prefix: prefix, end_of_word_suffix: suffix } = model as Readonly<
    Record<string, unknown>
  >;
  return Boolean(prefix) || Boolean(suffix);
}

/** Every token by id; unused ids are `undefined`. Added tokens take precedence. */
function listTokens(json: TokenizerJson): (string | undefined)[] {
  const tokens: (string | undefined)[] = [];
  const place = (id: number, token: string): void => {
    while (tokens.length < id) {
      tokens.push(undefined);
    }
    tokens[id] = token;
  };
  for (const [token, id] of json.tokenIds) {
    place(id, token);
  }
  for (const { id, content } of json.added_tokens) {
    place(id, content);
  }
  return tokens;
}

function collectSpecialIds(
  json: TokenizerJson,
  settings: TokenizerSettings,
  ids: ReadonlyMap<string, number>,
): ReadonlySet<number> {
  const special = new Set(
    json.added_tokens.filter((token) => token.special === true).map((token) => token.id),
  );
  for (const token of [...settings.specialTokens.values(), ...settings.additionalSpecialTokens]) {
    const id = ids.get(token);
    if (id !== undefined) {
      special.add(id);
    }
  }
  return special;
}
