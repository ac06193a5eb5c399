import { ModelError, quoteValue } from "./errors.ts";

/** A token beside the model of a tokenizer. */
export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly normalized?: boolean;
}

/** The parts of `tokenizer.json` that are relied on; the rest is the library's. */
export interface TokenizerJson {
  readonly model: { readonly type: "BPE" | "Unigram"; readonly vocab: unknown; readonly merges?: unknown };
  /** The model's tokens to their ids, without added tokens. */
  readonly tokenIds: ReadonlyMap<string, number>;
  readonly added_tokens: readonly AddedTokenJson[];
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
  readonly post_processor: unknown;
  readonly decoder: unknown;
}

const MAX_TOKEN_ID = 2 ** 24;

/**
 * Checks a parsed `tokenizer.json` before the library builds tables from it.
 *
 * @throws ModelError `INVALID_TOKENIZER`, `UNSUPPORTED_TOKENIZER`
 */
export function checkTokenizerJson(value: unknown, file: string): TokenizerJson {
  const invalid = (field: string, wanted: string, found: unknown): ModelError =>
    new ModelError("INVALID_TOKENIZER", `${file}: "${field}" must be ${wanted}, found ${quoteValue(found)}`, {
      file,
      field,
    });
  if (!isRecord(value)) {
    throw invalid("(the file)", "an object", value);
  }
  const { model } = value;
  if (!isRecord(model)) {
    throw invalid("model", "an object", model);
  }
  const type = readModelType(model, file);
  const tokenIds = type === "BPE" ? readBpeTokens(model, invalid) : readPieces(model, invalid);
  const addedTokens = value["added_tokens"] ?? [];
  if (!Array.isArray(addedTokens) || !addedTokens.every(isAddedToken)) {
    throw invalid(
      "added_tokens",
      `a list of tokens with content and an id below ${MAX_TOKEN_ID}`,
      addedTokens,
    );
  }
  const part = (name: string): unknown => {
    const found = value[name] ?? null;
    if (found !== null && !isRecord(found)) {
      throw invalid(name, "an object or null", found);
    }
    return found;
  };
  return {
    model: { ...model, type, vocab: model["vocab"] },
    tokenIds,
    added_tokens: addedTokens,
    normalizer: part("normalizer"),
    pre_tokenizer: part("pre_tokenizer"),
    post_processor: part("post_processor"),
    decoder: part("decoder"),
  };
}

/** Whether a value is a token with text and a sane id. */
export function isAddedToken(value: unknown): value is AddedTokenJson {
  return (
    isRecord(value) &&
    typeof value["content"] === "string" &&
    value["content"] !== "" &&
    isTokenId(value["id"])
  );
}

function readModelType(model: Readonly<Record<string, unknown>>, file: string): "BPE" | "Unigram" {
  // Files from before the field was written: merges say that it is BPE.
  const type = model["type"] ?? (Array.isArray(model["merges"]) ? "BPE" : undefined);
  if (type === "Unigram" && model["byte_fallback"] === true) {
    throw new ModelError(
      "UNSUPPORTED_TOKENIZER",
      `${file}: wanted a Unigram model without byte_fallback, found one with it`,
      { file, field: "model.byte_fallback" },
    );
  }
  if (type === "BPE" || type === "Unigram") {
    return type;
  }
  throw new ModelError(
    "UNSUPPORTED_TOKENIZER",
    `${file}: wanted a tokenizer model of BPE or Unigram, found ${quoteValue(type)}`,
    { file, field: "model.type" },
  );
}

type Invalid = (field: string, wanted: string, found: unknown) => ModelError;

function readBpeTokens(
  model: Readonly<Record<string, unknown>>,
  invalid: Invalid,
): ReadonlyMap<string, number> {
  const { vocab, merges } = model;
  if (!isRecord(vocab)) {
    throw invalid("model.vocab", "an object from token to id", vocab);
  }
  const tokenIds = new Map<string, number>();
  for (const token in vocab) {
    if (Object.hasOwn(vocab, token)) {
      const id = vocab[token];
      if (!isTokenId(id)) {
        throw invalid("model.vocab", `ids from 0 to ${MAX_TOKEN_ID - 1}`, { [token]: id });
      }
      tokenIds.set(token, id);
    }
  }
  const isMerge = (merge: unknown): boolean =>
    typeof merge === "string" ||
    (Array.isArray(merge) &&
      merge.length === 2 &&
      typeof merge[0] === "string" &&
      typeof merge[1] === "string");
  if (!Array.isArray(merges) || !merges.every(isMerge)) {
    throw invalid("model.merges", "a list of pairs of tokens", merges);
  }
  return tokenIds;
}

function readPieces(
  { vocab }: Readonly<Record<string, unknown>>,
  invalid: Invalid,
): ReadonlyMap<string, number> {
  if (!Array.isArray(vocab) || !vocab.every(isPiece)) {
    throw invalid("model.vocab", "a list of pieces with scores", vocab);
  }
  return new Map(vocab.map(([piece], id) => [piece, id]));
}

function isPiece(value: unknown): value is [string, number] {
  return Array.isArray(value) && typeof value[0] === "string" && typeof value[1] === "number";
}

function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < MAX_TOKEN_ID;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
