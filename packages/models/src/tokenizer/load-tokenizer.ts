import { join } from "node:path";

import { checkTokenizerJson, withFile } from "./check-tokenizer-json.ts";
import { createTokenizer } from "./create-tokenizer.ts";
import type { LoadedTokenizer } from "./create-tokenizer.ts";
import { ModelError } from "../errors.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { createNodeFileAccess } from "../files/node-file-access.ts";
import type { FileAccess } from "../files/file-access.ts";
import { prepareTokenizerJson } from "./prepare-tokenizer-json.ts";
import { listFiles, readJsonFile } from "../files/read-file.ts";
import { readTokenizerSettings } from "./tokenizer-settings.ts";
import type { TokenizerSettings } from "./tokenizer-settings.ts";
import type { Tokenizer } from "./tokenizer.ts";

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
const otherFormats = ["tokenizer.model", "tekken.json", "vocab.json", "tokenizer.tiktoken", "qwen.tiktoken"];

/**
 * Loads the tokenizer of a checkpoint: `tokenizer.json`, with the special tokens of `tokenizer_config.json`.
 *
 * @throws ModelError `FILE_MISSING`, `UNSUPPORTED_TOKENIZER`, `INVALID_TOKENIZER` and those of reading a file
 */
export async function loadTokenizer(
  directory: string,
  options: LoadTokenizerOptions = {},
): Promise<LoadedTokenizer> {
  const files = options.files ?? createNodeFileAccess();
  const path = join(directory, tokenizerFile);
  const raw = await readJsonFile(files, path, { maxBytes: maxTokenizerBytes });
  if (raw === undefined) {
    throw await missingTokenizerError(files, directory);
  }
  const settings = options.settings ?? (await readTokenizerSettings(files, directory));
  const json = withFile(path, () => prepareTokenizerJson(checkTokenizerJson(raw, path), settings));
  const sizeBytes = (await files.stat(path))?.sizeBytes ?? 0;
  const { encodes = true, hasTimeLimit = true } = options;
  return createTokenizer(json, settings, { file: path, sizeBytes, encodes, hasTimeLimit });
}

/**
 * Checks that every token id of the tokenizer has a row in the embedding, and that the tokenizer has every
 * end-of-sequence token.
 *
 * @throws ModelError `TOKENIZER_VOCAB_MISMATCH`
 */
export function assertTokenizerFits(tokenizer: Tokenizer, config: ModelConfig): void {
  if (tokenizer.vocabSize > config.vocabSize) {
    const token = tokenizer.tokenOf(tokenizer.vocabSize - 1) ?? "";
    const expected = `token ids below vocab_size (${config.vocabSize})`;
    const got = `${tokenizer.vocabSize - 1} (${JSON.stringify(token)})`;
    throw new ModelError("TOKENIZER_VOCAB_MISMATCH", { expected, got }, { file: tokenizerFile });
  }
  const unknown = config.eosTokenIds.find((id) => id >= tokenizer.vocabSize);
  if (unknown !== undefined) {
    throw new ModelError(
      "TOKENIZER_VOCAB_MISMATCH",
      { expected: `a token id of the tokenizer, from 0 to ${tokenizer.vocabSize - 1}`, got: String(unknown) },
      { file: tokenizerFile, field: "eos_token_id" },
    );
  }
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
