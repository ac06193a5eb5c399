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
  UnsupportedShapeError,
} from "../files/json-shape.ts";
import type { JsonObject } from "../files/json-shape.ts";

/** Ids of tokens are below this. */
export const maxTokenId: number = 2 ** 24;
/** Unused ids; tables have an entry for each. */
const maxHoles = 2 ** 16;
export const maxTokenCharacters: number = 4096;

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

function isTokenId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < maxTokenId;
}

/** Reads tokens and checks merges. @throws ShapeError */
export function readBpeVocabulary(model: JsonObject): ReadonlyMap<string, number> {
  bpeFields(model, "model");
  if (typeof model["dropout"] === "number" && model["dropout"] > 0) {
    throw new UnsupportedShapeError("model.dropout", "0, as dropout makes encoding random", model["dropout"]);
  }
  const { vocab, merges } = model;
  if (!isJsonObject(vocab)) {
    throw new ShapeError("model.vocab", "an object of tokens and their ids", vocab);
  }
  const tokenIds = new Map<string, number>();
  let lastId = -1;
  for (const token in vocab) {
    if (Object.hasOwn(vocab, token)) {
      const id = vocab[token];
      // Hundreds of thousands are right, and need no path.
      if (!isTokenId(id)) {
        const expected = `an integer from 0 to ${maxTokenId - 1}`;
        throw new ShapeError(`model.vocab[${JSON.stringify(token)}]`, expected, id);
      }
      assertTokenText(token);
      tokenIds.set(token, id);
      lastId = Math.max(lastId, id);
    }
  }
  if (lastId >= tokenIds.size + maxHoles) {
    throw new ShapeError("model.vocab", `at most ${maxHoles} unused ids`, lastId + 1 - tokenIds.size);
  }
  assertUnique(tokenIds, lastId);
  assertMerges(merges, tokenIds, model["continuing_subword_prefix"]);
  return tokenIds;
}

/** Reads pieces. @throws ShapeError */
export function readUnigramVocabulary(model: JsonObject): ReadonlyMap<string, number> {
  unigramFields(model, "model");
  if (model["byte_fallback"] === true) {
    throw new UnsupportedShapeError("model.byte_fallback", "false for Unigram", true);
  }
  const { vocab, unk_id: unknownId } = model;
  if (!Array.isArray(vocab) || vocab.length === 0 || vocab.length > maxTokenId) {
    throw new ShapeError("model.vocab", "an array of pieces with scores", vocab);
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

const isComment = (merge: unknown): boolean => typeof merge === "string" && merge.startsWith("#version");

/** Merges without the `#version` comments of older files. */
export function withoutComments<T>(merges: readonly T[]): readonly T[] {
  return merges.some(isComment) ? merges.filter((merge) => !isComment(merge)) : merges;
}

function assertMerges(merges: unknown, tokenIds: ReadonlyMap<string, number>, prefix: unknown): void {
  if (!Array.isArray(merges)) {
    throw new ShapeError("model.merges", "an array of pairs of tokens", merges);
  }
  const isText = typeof merges.find((merge) => !isComment(merge)) === "string";
  const prefixLength = typeof prefix === "string" ? prefix.length : 0;
  const known = (token: string, index: number): void => {
    if (!tokenIds.has(token)) {
      throw new ShapeError(
        `model.merges[${index}]`,
        "tokens of the vocabulary that merge into one of it",
        token,
      );
    }
  };
  for (const [index, merge] of merges.entries()) {
    if (isText && isComment(merge)) {
      continue;
    }
    const pair: unknown = isText && typeof merge === "string" ? merge.split(" ") : isText ? undefined : merge;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((part) => typeof part === "string")) {
      const expected = isText ? "two tokens with one space between them" : "an array of two tokens";
      throw new ShapeError(`model.merges[${index}]`, expected, merge);
    }
    const [left, right] = pair as [string, string];
    known(left, index);
    known(right, index);
    known(left + right.slice(prefixLength), index);
  }
}
