import type { AddedTokenJson } from "./check-tokenizer-json.ts";
import { maxTokenCharacters, maxTokenId } from "./check-vocabulary.ts";
import {
  fields,
  flag,
  integerUpTo,
  isJsonObject,
  listOf,
  ShapeError,
  textUpTo,
  UnsupportedShapeError,
} from "../files/json-shape.ts";

const maxAddedTokens = 2 ** 16;

const addedTokens = listOf(
  fields({
    id: integerUpTo(maxTokenId - 1),
    content: textUpTo(maxTokenCharacters),
    single_word: flag,
    lstrip: flag,
    rstrip: flag,
    normalized: flag,
    special: flag,
  }),
  maxAddedTokens,
);

/**
 * Checks the added tokens. The Rust library gives an added token the id that the vocabulary has for it, else the
 * next free one, whatever the file says; a file that says otherwise is damaged and refused here.
 *
 * @throws ShapeError
 */
export function readAddedTokens(
  value: unknown,
  tokenIds: ReadonlyMap<string, number>,
): readonly AddedTokenJson[] {
  if (value === undefined) {
    return [];
  }
  addedTokens(value, "added_tokens");
  // A token without a text is never matched.
  const tokens = (value as readonly AddedTokenJson[]).filter((token) => token.content !== "");
  const ids = new Map<string, number>();
  let nextId = tokenIds.size;
  for (const token of tokens) {
    if (token.single_word === true) {
      throw new UnsupportedShapeError("added_tokens", "tokens without single_word", token.content);
    }
    const known = ids.get(token.content) ?? tokenIds.get(token.content);
    const expected = known ?? nextId;
    if (token.id !== expected) {
      throw new ShapeError(
        `added_tokens[${(value as readonly unknown[]).indexOf(token)}].id`,
        `${expected}, ${known === undefined ? "the next free id" : "the id of the same text in the vocabulary"}`,
        token.id,
      );
    }
    ids.set(token.content, expected);
    nextId = Math.max(nextId, expected + 1);
  }
  return tokens;
}

/** Whether a value of `tokenizer_config.json` is a token with a text and a valid id. */
export function isAddedToken(value: unknown): value is AddedTokenJson {
  return (
    isJsonObject(value) &&
    typeof value["content"] === "string" &&
    value["content"] !== "" &&
    value["content"].length <= maxTokenCharacters &&
    Number.isSafeInteger(value["id"]) &&
    (value["id"] as number) >= 0 &&
    (value["id"] as number) < maxTokenId
  );
}
