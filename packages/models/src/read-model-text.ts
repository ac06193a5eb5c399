import type { ChatTemplate } from "./chat-template.ts";
import type { LoadedTokenizer } from "./create-tokenizer.ts";
import { assertTokenizerFits, loadTokenizer } from "./load-tokenizer.ts";
import type { ModelConfig } from "./model-config.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import type { FileAccess } from "./ports.ts";
import { readChatTemplate } from "./read-chat-template.ts";
import { readTokenizerSettings } from "./tokenizer-settings.ts";
import type { Tokenizer } from "./tokenizer.ts";

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
  const { files, now, signal, chatTemplatePath } = options;
  const settings = await readTokenizerSettings(files, directory);
  signal?.throwIfAborted();
  const tokenizer = await loadTokenizer(directory, { files, settings });
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
