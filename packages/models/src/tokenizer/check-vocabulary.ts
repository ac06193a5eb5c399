import { ModelError } from "../errors.ts";
import {
  fields,
  finiteNumber,
  flag,
  integerUpTo,
  isJsonObject,
  nullable,
  ShapeError,
  shape,
  text,
  tuple,
} from "../files/json-shape.ts";
import type { JsonObject } from "../files/json-shape.ts";

const maxTokenId = 2 ** 24;
/** Ids that no token has; tables have a place for each. */
const maxHoles = 2 ** 16;
const maxTokenCharacters = 4096;

const tokenId = integerUpTo(maxTokenId - 1);
const bpeFields = fields({
  dropout: nullable(
    shape("a number from 0 to 1", (value) => typeof value === "number" && value >= 0 && value <= 1),
  ),
  unk_token: nullable(text),
  continuing_subword_prefix: nullable(text),
  end_of_word_suffix: nullable(text),
  fuse_unk: nullable(flag),
  byte_fallback: nullable(flag),
  ignore_merges: nullable(flag),
});
const unigramFields = fields({ unk_id: nullable(tokenId), byte_fallback: nullable(flag) });
const piece = tuple(text, finiteNumber);

/** Reads tokens and checks merges. @throws ShapeError; ModelError `UNSUPPORTED_TOKENIZER` */
export function readBpeVocabulary(model: JsonObject, file: string): ReadonlyMap<string, number> {
  bpeFields(model, "model");
  if (typeof model["dropout"] === "number" && model["dropout"] > 0) {
    throw unsupported(file, "model.dropout", "without dropout, which makes other tokens each time");
  }
  const { vocab, merges } = model;
  if (!isJsonObject(vocab)) {
    throw new ShapeError("model.vocab", "an object from token to id", vocab);
  }
  const tokenIds = new Map<string, number>();
  let lastId = -1;
  for (const token in vocab) {
    if (Object.hasOwn(vocab, token)) {
      const id = vocab[token];
      tokenId(id, `model.vocab[${JSON.stringify(token)}]`);
      assertTokenText(token);
      tokenIds.set(token, id as number);
      lastId = Math.max(lastId, id as number);
    }
  }
  if (lastId >= tokenIds.size + maxHoles) {
    throw new ShapeError("model.vocab", `ids with at most ${maxHoles} holes between them`, lastId);
  }
  assertUnique(tokenIds, lastId);
  assertMerges(merges, tokenIds, model["continuing_subword_prefix"]);
  return tokenIds;
}

/** Reads pieces. @throws ShapeError; ModelError `UNSUPPORTED_TOKENIZER` */
export function readUnigramVocabulary(model: JsonObject, file: string): ReadonlyMap<string, number> {
  unigramFields(model, "model");
  if (model["byte_fallback"] === true) {
    throw unsupported(file, "model.byte_fallback", "of Unigram without byte_fallback");
  }
  const { vocab, unk_id: unknownId } = model;
  if (!Array.isArray(vocab) || vocab.length === 0 || vocab.length > maxTokenId) {
    throw new ShapeError("model.vocab", "a list of pieces with scores", vocab);
  }
  const tokenIds = new Map<string, number>();
  for (const [id, each] of vocab.entries()) {
    piece(each, `model.vocab[${id}]`);
    const [token] = each as [string, number];
    assertTokenText(token);
    tokenIds.set(token, id);
  }
  if (typeof unknownId === "number" && unknownId >= vocab.length) {
    throw new ShapeError("model.unk_id", `an id of the vocabulary, below ${vocab.length}`, unknownId);
  }
  return tokenIds;
}

function assertTokenText(token: string): void {
  if (token.length > maxTokenCharacters) {
    throw new ShapeError("model.vocab", `tokens of at most ${maxTokenCharacters} characters`, token);
  }
}

function assertUnique(tokenIds: ReadonlyMap<string, number>, lastId: number): void {
  const isTaken = new Uint8Array(lastId + 1);
  for (const [token, id] of tokenIds) {
    if (isTaken[id] === 1) {
      throw new ShapeError(`model.vocab[${JSON.stringify(token)}]`, "an id that no other token has", id);
    }
    isTaken[id] = 1;
  }
}

const isVersion = (merge: unknown): boolean => typeof merge === "string" && merge.startsWith("#version");

/** The merges of a file, without the comments of old ones. */
export function withoutVersions<T>(merges: readonly T[]): readonly T[] {
  return merges.some(isVersion) ? merges.filter((merge) => !isVersion(merge)) : merges;
}

function assertMerges(merges: unknown, tokenIds: ReadonlyMap<string, number>, prefix: unknown): void {
  if (!Array.isArray(merges)) {
    throw new ShapeError("model.merges", "a list of pairs of tokens", merges);
  }
  const isText = typeof merges.find((merge) => !isVersion(merge)) === "string";
  const prefixLength = typeof prefix === "string" ? prefix.length : 0;
  const known = (token: string, index: number): void => {
    if (!tokenIds.has(token)) {
      throw new ShapeError(`model.merges[${index}]`, `a merge of tokens to a token of the vocabulary`, token);
    }
  };
  for (const [index, merge] of merges.entries()) {
    if (isText && isVersion(merge)) {
      continue;
    }
    const pair: unknown = isText && typeof merge === "string" ? merge.split(" ") : isText ? undefined : merge;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((part) => typeof part === "string")) {
      const expected = isText ? "a text of two tokens with one space between them" : "a list of two tokens";
      throw new ShapeError(`model.merges[${index}]`, expected, merge);
    }
    const [left, right] = pair as [string, string];
    known(left, index);
    known(right, index);
    known(left + right.slice(prefixLength), index);
  }
}

function unsupported(file: string, field: string, wanted: string): ModelError {
  return new ModelError("UNSUPPORTED_TOKENIZER", `${file}: wanted a tokenizer ${wanted}, found one with it`, {
    file,
    field,
  });
}
