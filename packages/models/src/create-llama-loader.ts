import { basename } from "node:path";

import { ModelError, quoteValue } from "./errors.ts";
import { SUPPORTED_FAMILIES } from "./family-rules.ts";
import { assertTokenizerFits, loadTokenizer } from "./load-tokenizer.ts";
import type { ModelConfig } from "./model-config.ts";
import type { LanguageModel, LoadOptions, ModelLoader } from "./model-loader.ts";
import { createNodeFileAccess } from "./node-file-access.ts";
import { openCheckpoint } from "./open-checkpoint.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import type { FileAccess } from "./ports.ts";
import { readChatTemplate } from "./read-chat-template.ts";
import { readTokenizerSettings } from "./tokenizer-settings.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Loads Llama and its relatives. */
export type LlamaLoader = ModelLoader<LanguageModel>;

export interface LlamaLoaderOptions {
  /** Where files come from; the file system by default. */
  readonly files?: FileAccess;
  /** The time that chat templates are told; the system's by default. */
  readonly now?: () => Date;
}

/**
 * Makes a loader for Hugging Face directories of the Llama, Mistral, Qwen2 and Qwen3 families: safetensors
 * of any of F32, F16 and BF16, in one file or sharded, with no conversion step.
 *
 * @throws ModelError `INVALID_ARGUMENT` for an unknown option
 */
export function createLlamaLoader(options: LlamaLoaderOptions = {}): LlamaLoader {
  assertKnownOptions(options, ["files", "now"]);
  const files = options.files ?? createNodeFileAccess();
  return {
    families: SUPPORTED_FAMILIES,
    async load(directory, loadOptions = {}): Promise<LanguageModel> {
      assertKnownOptions(loadOptions, ["name", "signal"]);
      const { signal } = loadOptions;
      const checkpoint = await openCheckpoint(directory, {
        files,
        ...(signal === undefined ? {} : { signal }),
      });
      try {
        return await addText(checkpoint, loadOptions, { files, now: options.now });
      } catch (error) {
        await checkpoint.weights.close();
        throw error;
      }
    },
  };
}

/** Loads a model from a directory with the loader of its family. */
export async function loadModel(directory: string, options: LoadOptions = {}): Promise<LanguageModel> {
  return createLlamaLoader().load(directory, options);
}

interface TextSources {
  readonly files: FileAccess;
  readonly now: (() => Date) | undefined;
}

async function addText(
  checkpoint: Checkpoint,
  options: LoadOptions,
  sources: TextSources,
): Promise<LanguageModel> {
  const { directory, weights } = checkpoint;
  const settings = await readTokenizerSettings(sources.files, directory);
  options.signal?.throwIfAborted();
  const tokenizer = await loadTokenizer(directory, { files: sources.files, settings });
  assertTokenizerFits(tokenizer, checkpoint.config);
  const chatTemplate = await readChatTemplate(directory, settings, sources);
  options.signal?.throwIfAborted();
  const dispose = async (): Promise<void> => weights.close();
  return {
    name: options.name ?? basename(directory),
    directory,
    config: withTokenizerEos(checkpoint.config, tokenizer),
    architecture: checkpoint.architecture,
    weights,
    tokenizer,
    chatTemplate,
    generationDefaults: checkpoint.generationDefaults,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Fine-tuned checkpoints often end answers with the tokenizer's end token and forget it in their config. */
function withTokenizerEos(config: ModelConfig, tokenizer: Tokenizer): ModelConfig {
  const { eosTokenId } = tokenizer;
  if (eosTokenId === undefined || config.eosTokenIds.includes(eosTokenId)) {
    return config;
  }
  return Object.freeze({ ...config, eosTokenIds: Object.freeze([...config.eosTokenIds, eosTokenId]) });
}

function assertKnownOptions(options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ModelError(
      "INVALID_ARGUMENT",
      `wanted options ${known.join(", ")}; found ${quoteValue(unknown)}`,
    );
  }
}
