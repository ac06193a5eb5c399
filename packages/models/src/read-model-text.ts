import type { ChatTemplate } from "./chat-template/index.ts";
import type { LoadedTokenizer } from "./tokenizer/create-tokenizer.ts";
import { assertTokenizerFits, loadTokenizer } from "./tokenizer/load-tokenizer.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import { createNodeFileAccess } from "./files/node-file-access.ts";
import type { FileAccess } from "./files/file-access.ts";
import { readChatTemplate } from "./chat-template/read-chat-template.ts";
import { readTokenizerSettings } from "./tokenizer/tokenizer-settings.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** The side of a model that deals in text, checked against its network. */
export interface ModelText {
  readonly tokenizer: LoadedTokenizer;
  readonly chatTemplate: ChatTemplate | undefined;
  /** The checkpoint's config, with the tokenizer's end token among those that end an answer. */
  readonly config: ModelConfig;
}

export interface ReadModelTextOptions {
  readonly files: FileAccess;
  readonly now?: (() => Date) | undefined;
  /** In place of the checkpoint's own chat template. */
  readonly chatTemplatePath?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** False saves the tables of an encoder that is not used. Default true. */
  readonly encodes?: boolean | undefined;
}

/** What `loadModelText` takes beside the directory. */
export interface LoadModelTextOptions {
  /** The file system by default. */
  readonly files?: FileAccess;
  /** The time that chat templates are told; the system's by default. */
  readonly now?: () => Date;
  /** A Jinja file to take in place of the checkpoint's own chat template. */
  readonly chatTemplatePath?: string | undefined;
  /** False where the whole thread can be stopped while it encodes. Default true. */
  readonly hasTimeLimit?: boolean;
}

/**
 * Loads tokenizer and chat template of a model directory, without its network: for a thread that makes tokens
 * of texts.
 *
 * @throws ModelError with a code
 */
export async function loadModelText(
  directory: string,
  options: LoadModelTextOptions = {},
): Promise<Pick<ModelText, "tokenizer" | "chatTemplate">> {
  const { now, chatTemplatePath, hasTimeLimit = true, files = createNodeFileAccess() } = options;
  const settings = await readTokenizerSettings(files, directory);
  const tokenizer = await loadTokenizer(directory, { files, settings, hasTimeLimit });
  const chatTemplate = await readChatTemplate(directory, settings, { files, now, chatTemplatePath });
  return { tokenizer, chatTemplate };
}

/**
 * Reads tokenizer and chat template of an open checkpoint.
 *
 * @throws ModelError with a code
 */
export async function readModelText(
  { directory, config }: Pick<Checkpoint, "directory" | "config">,
  options: ReadModelTextOptions,
): Promise<ModelText> {
  const { files, now, signal, chatTemplatePath, encodes = true } = options;
  const settings = await readTokenizerSettings(files, directory);
  signal?.throwIfAborted();
  const tokenizer = await loadTokenizer(directory, { files, settings, encodes });
  assertTokenizerFits(tokenizer, config);
  signal?.throwIfAborted();
  const chatTemplate = await readChatTemplate(directory, settings, { files, now, chatTemplatePath });
  signal?.throwIfAborted();
  return { tokenizer, chatTemplate, config: withTokenizerEos(config, tokenizer) };
}

/** Fine-tuned checkpoints often end answers with the tokenizer's end token and forget it in their config. */
function withTokenizerEos(config: ModelConfig, tokenizer: Tokenizer): ModelConfig {
  const { eosTokenId } = tokenizer;
  if (eosTokenId === undefined || config.eosTokenIds.includes(eosTokenId)) {
    return config;
  }
  return Object.freeze({ ...config, eosTokenIds: Object.freeze([...config.eosTokenIds, eosTokenId]) });
}
