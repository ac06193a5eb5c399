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

/** What `loadTokenizer` takes beside the directory. */
export interface LoadTokenizerOptions {
  /** The file system by default. */
  readonly files?: FileAccess;
  /** Read already; else read from the directory. */
  readonly settings?: TokenizerSettings;
  /** False saves the tables of an encoder that is not used; `encode` throws then. Default true. */
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
 * Checks that every id that the tokenizer may produce has a row in the embedding, and that it can spell every
 * token that ends an answer.
 *
 * @throws ModelError `TOKENIZER_VOCAB_MISMATCH`
 */
export function assertTokenizerFits(tokenizer: Tokenizer, config: ModelConfig): void {
  if (tokenizer.vocabSize > config.vocabSize) {
    const token = tokenizer.tokenOf(tokenizer.vocabSize - 1) ?? "";
    throw new ModelError(
      "TOKENIZER_VOCAB_MISMATCH",
      `wanted token ids below the vocab_size of config.json, ${config.vocabSize}; ` +
        `found ${tokenizer.vocabSize - 1} (${JSON.stringify(token)}) in ${tokenizerFile}`,
      { file: tokenizerFile },
    );
  }
  const strange = config.eosTokenIds.find((id) => id >= tokenizer.vocabSize);
  if (strange !== undefined) {
    throw new ModelError(
      "TOKENIZER_VOCAB_MISMATCH",
      `"eos_token_id" must be a token of ${tokenizerFile}, whose ids end at ${tokenizer.vocabSize - 1}; ` +
        `found ${strange}`,
      { file: tokenizerFile, field: "eos_token_id" },
    );
  }
}

async function missingTokenizerError(files: FileAccess, directory: string): Promise<ModelError> {
  const names = await listFiles(files, directory);
  const other = otherFormats.find((name) => names.includes(name));
  if (other === undefined) {
    return new ModelError("FILE_MISSING", `${directory}: wanted ${tokenizerFile}, found no tokenizer`, {
      file: join(directory, tokenizerFile),
    });
  }
  return new ModelError(
    "UNSUPPORTED_TOKENIZER",
    `${directory}: wanted ${tokenizerFile} (BPE or Unigram), found ${other}; ` +
      `convert it with AutoTokenizer.from_pretrained(…).save_pretrained(…) of transformers`,
    { file: join(directory, other) },
  );
}
