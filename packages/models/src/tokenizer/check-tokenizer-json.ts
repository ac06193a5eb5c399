import { readAddedTokens } from "./check-added-tokens.ts";
import { readBpeVocabulary, readUnigramVocabulary } from "./check-vocabulary.ts";
import { ModelError, quoteValue } from "../errors.ts";
import { isJsonObject, nullable, ShapeError, shape } from "../files/json-shape.ts";
import type { JsonObject } from "../files/json-shape.ts";
import {
  decoderShape,
  normalizerShape,
  paddingShape,
  postProcessorShape,
  preTokenizerShape,
  truncationShape,
} from "./tokenizer-part-shapes.ts";

/** A token beside the model of a tokenizer. */
export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly normalized?: boolean;
  readonly single_word?: boolean;
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
 * reads it; and more strictly where an id would have two meanings, or a size is out of all proportion.
 *
 * @throws ModelError `INVALID_TOKENIZER`, `UNSUPPORTED_TOKENIZER`
 */
export function checkTokenizerJson(value: unknown, file: string): TokenizerJson {
  return withFile(file, () => check(value, file));
}

/** Says of which file a value has not the form that it must have. @throws ModelError `INVALID_TOKENIZER` */
export function withFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ShapeError)) {
      throw error;
    }
    const { path, expected, value: found } = error;
    const message = `${file}: "${path}" must be ${expected}, found ${quoteValue(found)}`;
    throw new ModelError("INVALID_TOKENIZER", message, { file, field: path, cause: error });
  }
}

function check(value: unknown, file: string): TokenizerJson {
  if (!isJsonObject(value)) {
    throw new ShapeError("(the file)", "an object", value);
  }
  const unknown = Object.keys(value).find((name) => !knownFields.includes(name));
  if (unknown !== undefined) {
    throw new ShapeError("(the file)", `an object of ${knownFields.join(", ")}`, {
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
  const type = readModelType(model, file);
  const tokenIds = type === "BPE" ? readBpeVocabulary(model, file) : readUnigramVocabulary(model, file);
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

function readModelType(model: JsonObject, file: string): "BPE" | "Unigram" {
  // Files from before the field was written: merges say that it is BPE.
  const type = model["type"] === undefined && Array.isArray(model["merges"]) ? "BPE" : model["type"];
  if (type === "BPE" || type === "Unigram") {
    return type;
  }
  const message = `${file}: wanted a tokenizer model of BPE or Unigram, found ${quoteValue(type)}`;
  throw new ModelError("UNSUPPORTED_TOKENIZER", message, { file, field: "model.type" });
}
