import type { AddedTokenJson } from "./check-tokenizer-json.ts";
import { ModelError, quoteValue } from "../errors.ts";
import { fields, flag, integerUpTo, isJsonObject, listOf, ShapeError, shape } from "../files/json-shape.ts";

const maxTokenId = 2 ** 24;
const maxAddedTokens = 2 ** 16;
const maxTokenCharacters = 4096;

const content = shape(
  `a text of at most ${maxTokenCharacters} characters`,
  (value) => typeof value === "string" && value.length <= maxTokenCharacters,
);
const addedTokens = listOf(
  fields({
    id: integerUpTo(maxTokenId - 1),
    content,
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
 * next that is free, whatever the file says; a file that says otherwise is damaged, and refused here.
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
  // Those without a text mean nothing.
  const tokens = (value as readonly AddedTokenJson[]).filter((token) => token.content !== "");
  const ids = new Map<string, number>();
  let nextId = tokenIds.size;
  for (const token of tokens) {
    if (token.single_word === true) {
      throw new ModelError(
        "UNSUPPORTED_TOKENIZER",
        `tokenizer.json: wanted added tokens without single_word, found ${quoteValue(token.content)} with it`,
        { field: "added_tokens" },
      );
    }
    const known = ids.get(token.content) ?? tokenIds.get(token.content);
    const expected = known ?? nextId;
    if (token.id !== expected) {
      throw new ShapeError(
        `added_tokens[${(value as readonly unknown[]).indexOf(token)}].id`,
        `${expected}, ${known === undefined ? "the next after the vocabulary" : "which the same text has"}`,
        token.id,
      );
    }
    ids.set(token.content, expected);
    nextId = Math.max(nextId, expected + 1);
  }
  return tokens;
}

/** Whether a value of `tokenizer_config.json` is a token with text and a sane id. */
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
