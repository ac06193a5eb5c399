import { readAddedTokens } from "./check-added-tokens.ts";
import { readBpeVocabulary, readUnigramVocabulary } from "./check-vocabulary.ts";
import { ModelError, quoteValue } from "../errors.ts";
import { isJsonObject, nullable, ShapeError, shape, UnsupportedShapeError } from "../files/json-shape.ts";
import type { JsonObject } from "../files/json-shape.ts";
import {
  decoderShape,
  normalizerShape,
  paddingShape,
  postProcessorShape,
  preTokenizerShape,
  truncationShape,
} from "./tokenizer-part-shapes.ts";

/** An entry of `added_tokens`. */
export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly normalized?: boolean;
  readonly single_word?: boolean;
}

/** The parts of `tokenizer.json` that this package relies on; the rest is the library's. */
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

const parts = {
  version: shape('"1.0"', (value) => value === undefined || value === "1.0"),
  truncation: nullable(truncationShape),
  padding: nullable(paddingShape),
  normalizer: nullable(normalizerShape),
  pre_tokenizer: nullable(preTokenizerShape),
  post_processor: nullable(postProcessorShape),
  decoder: nullable(decoderShape),
};
const knownFields = [...Object.keys(parts), "added_tokens", "model"];

/**
 * Checks a parsed `tokenizer.json` before the library builds tables from it, as strictly as the Rust library
 * reads it; and more strictly where an id would have two meanings or a size is excessive.
 *
 * @throws ModelError `INVALID_TOKENIZER`, `UNSUPPORTED_TOKENIZER`
 */
export function checkTokenizerJson(value: unknown, file: string): TokenizerJson {
  return withFile(file, () => check(value));
}

/** Makes errors that name the file of shapes that do not fit. @throws ModelError `INVALID_TOKENIZER`, `UNSUPPORTED_TOKENIZER` */
export function withFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ShapeError)) {
      throw error;
    }
    const { path, expected, value } = error;
    const code = error instanceof UnsupportedShapeError ? "UNSUPPORTED_TOKENIZER" : "INVALID_TOKENIZER";
    const details = { file, field: path === "" ? undefined : path, cause: error };
    throw new ModelError(code, { expected, got: quoteValue(value) }, details);
  }
}

function check(value: unknown): TokenizerJson {
  if (!isJsonObject(value)) {
    throw new ShapeError("", "an object", value);
  }
  const unknown = Object.keys(value).find((name) => !knownFields.includes(name));
  if (unknown !== undefined) {
    throw new ShapeError("", `an object with fields among ${knownFields.join(", ")}`, {
      [unknown]: value[unknown],
    });
  }
  for (const [name, check] of Object.entries(parts)) {
    check(value[name], name);
  }
  const { model } = value;
  if (!isJsonObject(model)) {
    throw new ShapeError("model", "an object", model);
  }
  const type = readModelType(model);
  const tokenIds = type === "BPE" ? readBpeVocabulary(model) : readUnigramVocabulary(model);
  return {
    model: { ...model, type, vocab: model["vocab"] },
    tokenIds,
    added_tokens: readAddedTokens(value["added_tokens"], tokenIds),
    normalizer: value["normalizer"] ?? null,
    pre_tokenizer: value["pre_tokenizer"] ?? null,
    post_processor: value["post_processor"] ?? null,
    decoder: value["decoder"] ?? null,
  };
}

function readModelType(model: JsonObject): "BPE" | "Unigram" {
  // Older files have no type: merges say that it is BPE.
  const type = model["type"] === undefined && Array.isArray(model["merges"]) ? "BPE" : model["type"];
  if (type === "BPE" || type === "Unigram") {
    return type;
  }
  throw new UnsupportedShapeError("model.type", "BPE or Unigram", type);
}
