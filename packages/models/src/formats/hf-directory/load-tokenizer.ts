import { join } from "node:path";

import { ModelError } from "../../errors.ts";
import type { FileAccess } from "../../files/file-access.ts";
import { createNodeFileAccess } from "../../files/node-file-access.ts";
import { listFiles, readJsonFile } from "../../files/read-file.ts";
import { checkTokenizerJson, withFile } from "../../tokenizer/check-tokenizer-json.ts";
import { createTokenizer } from "../../tokenizer/create-tokenizer.ts";
import { prepareTokenizerJson } from "../../tokenizer/prepare-tokenizer-json.ts";
import type { LoadedTokenizer, TokenizerSettings } from "../../tokenizer/tokenizer.ts";
import { describePieceTokenizer, pieceFile, type DescribedTokenizer } from "./load-piece-tokenizer.ts";
import { readTokenizerSettings } from "./read-tokenizer-settings.ts";

/** Options of `loadTokenizer`. */
export interface LoadTokenizerOptions {
  /** The file system by default. */
  readonly files?: FileAccess;
  /** Read from the directory by default. */
  readonly settings?: TokenizerSettings;
  /** False builds no encoder, which saves its memory; `encode` throws then. Default true. */
  readonly encodes?: boolean;
  /** False where the whole thread can be stopped while it encodes. Default true. */
  readonly hasTimeLimit?: boolean;
}

const tokenizerFile = "tokenizer.json";
const maxTokenizerBytes = 256 * 2 ** 20;
const otherFormats = ["tekken.json", "vocab.json", "tokenizer.tiktoken", "qwen.tiktoken"];

/**
 * Loads the tokenizer of a checkpoint: `tokenizer.json`, else `tokenizer.model`, with the special tokens of
 * `tokenizer_config.json`.
 *
 * @throws ModelError `FILE_MISSING`, `UNSUPPORTED_TOKENIZER`, `INVALID_TOKENIZER` and those of reading a file
 */
export async function loadTokenizer(
  directory: string,
  options: LoadTokenizerOptions = {},
): Promise<LoadedTokenizer> {
  const files = options.files ?? createNodeFileAccess();
  const given = options.settings ?? (await readTokenizerSettings(files, directory));
  const path = join(directory, tokenizerFile);
  const raw = await readJsonFile(files, path, { maxBytes: maxTokenizerBytes });
  const { encodes = true, hasTimeLimit = true } = options;
  const create = ({ json, settings, sizeBytes }: DescribedTokenizer, file: string): LoadedTokenizer => {
    const prepared = withFile(file, () => prepareTokenizerJson(checkTokenizerJson(json, file), settings));
    return createTokenizer(prepared, settings, { file, sizeBytes, encodes, hasTimeLimit });
  };
  if (raw !== undefined) {
    const sizeBytes = (await files.stat(path))?.sizeBytes ?? 0;
    return create({ json: raw, settings: given, sizeBytes }, path);
  }
  const described = await describePieceTokenizer(files, directory, given);
  if (described === undefined) throw await missingTokenizerError(files, directory);
  return create(described, join(directory, pieceFile));
}

async function missingTokenizerError(files: FileAccess, directory: string): Promise<ModelError> {
  const names = await listFiles(files, directory);
  const other = otherFormats.find((name) => names.includes(name));
  if (other === undefined) {
    const mismatch = { expected: tokenizerFile, got: "no tokenizer" };
    return new ModelError("FILE_MISSING", mismatch, { file: directory });
  }
  const advice = "convert it with AutoTokenizer.from_pretrained(…).save_pretrained(…) of transformers";
  const mismatch = { expected: `${tokenizerFile} (BPE or Unigram)`, got: other, advice };
  return new ModelError("UNSUPPORTED_TOKENIZER", mismatch, { file: directory });
}
