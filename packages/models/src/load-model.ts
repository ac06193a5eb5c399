import { ModelError, quoteValue } from "./errors.ts";
import { SUPPORTED_FAMILIES } from "./config/family-rules.ts";
import type { LanguageModel, LoadOptions, ModelLoader } from "./model-loader.ts";
import { modelNameOf } from "./files/model-name.ts";
import { createNodeFileAccess } from "./files/node-file-access.ts";
import { openCheckpoint } from "./open-checkpoint.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import type { FileAccess } from "./files/file-access.ts";
import { readModelText } from "./read-model-text.ts";
import type { ModelText } from "./read-model-text.ts";

/** Loads Llama and its relatives. */
export type LlamaLoader = ModelLoader<LanguageModel>;

/** What `createLlamaLoader` takes. */
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
      assertKnownOptions(loadOptions, ["name", "chatTemplatePath", "encodes", "signal", "onWarning"]);
      const { signal, chatTemplatePath, encodes, onWarning } = loadOptions;
      const checkpoint = await openCheckpoint(directory, {
        files,
        ...(signal === undefined ? {} : { signal }),
        ...(onWarning === undefined ? {} : { onWarning }),
      });
      try {
        const text = await readModelText(checkpoint, {
          files,
          now: options.now,
          signal,
          chatTemplatePath,
          encodes,
        });
        return assemble(checkpoint, text, loadOptions.name);
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

function assemble(checkpoint: Checkpoint, text: ModelText, name: string | undefined): LanguageModel {
  const { directory, architecture, weights, generationDefaults, unusedTensors, warnings } = checkpoint;
  const dispose = async (): Promise<void> => weights.close();
  return {
    name: name ?? modelNameOf(directory),
    directory,
    config: text.config,
    architecture,
    weights,
    tokenizer: text.tokenizer,
    chatTemplate: text.chatTemplate,
    generationDefaults,
    unusedTensors,
    warnings,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
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
