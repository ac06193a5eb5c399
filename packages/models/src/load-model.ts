import type { ChatTemplate } from "./chat-template/chat-template.ts";
import { supportedFamilies } from "./config/family-rules.ts";
import { ModelError, quoteValue } from "./errors.ts";
import { modelNameOf } from "./files/hub-name.ts";
import { findModel } from "./formats/find-model.ts";
import type { ModelSource } from "./formats/find-model.ts";
import type { ModelWarning } from "./network/model-warning.ts";
import { openFoundCheckpoint } from "./open-checkpoint.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import { readModelText } from "./read-model-text.ts";
import type { LoadedTokenizer } from "./tokenizer/tokenizer.ts";

/** A checkpoint read and checked, ready for an executor. Holds no weights in memory. */
export interface LanguageModel extends Checkpoint, AsyncDisposable {
  readonly name: string;
  readonly tokenizer: LoadedTokenizer;
  readonly chatTemplate: ChatTemplate | undefined;
  dispose(): Promise<void>;
}

/** What a loader takes beside the directory. */
export interface LoadOptions {
  /** The name to serve under; by default the directory's last part, or the repository's for a snapshot in the hub's cache. */
  readonly name?: string;
  /** A Jinja file to take in place of the checkpoint's own chat template. */
  readonly chatTemplatePath?: string;
  /**
   * False where another thread makes tokens of texts (`loadModelText`): saves the encoder's tables;
   * `tokenizer.encode` throws then. Default true.
   */
  readonly encodes?: boolean;
  readonly signal?: AbortSignal;
  /** Receives warnings, such as tensors that are not used. */
  readonly onWarning?: (warning: ModelWarning) => void;
}

/** Makes one kind of model from a directory. */
export interface ModelLoader<T> {
  /** The families that it can load. */
  readonly families: readonly string[];
  /** @throws ModelError with a code, before memory is taken */
  load(directory: string, options?: LoadOptions): Promise<T>;
}

/** What `createModelLoader` takes. */
export interface ModelLoaderOptions extends ModelSource {
  /** The clock of chat templates; the system's by default. */
  readonly now?: () => Date;
}

/**
 * Makes a loader for every format and family that this package knows: Hugging Face directories of Llama,
 * Mistral, Qwen2 and Qwen3, safetensors of F32, F16 or BF16, with no conversion step.
 *
 * @throws ModelError `INVALID_ARGUMENT` for an unknown option
 */
export function createModelLoader(options: ModelLoaderOptions = {}): ModelLoader<LanguageModel> {
  assertKnownOptions(options, ["files", "formats", "now"]);
  const { now } = options;
  return {
    families: supportedFamilies,
    async load(directory, loadOptions = {}): Promise<LanguageModel> {
      assertKnownOptions(loadOptions, ["name", "chatTemplatePath", "encodes", "signal", "onWarning"]);
      const { name, signal, chatTemplatePath, encodes, onWarning } = loadOptions;
      signal?.throwIfAborted();
      const found = await findModel(directory, options);
      const checkpoint = await openFoundCheckpoint(found, { signal, onWarning });
      const dispose = async (): Promise<void> => checkpoint.weights.close();
      try {
        const text = await readModelText(found, checkpoint.config, {
          now,
          signal,
          chatTemplatePath,
          encodes,
        });
        return {
          name: name ?? modelNameOf(checkpoint.directory),
          ...checkpoint,
          ...text,
          dispose,
          [Symbol.asyncDispose]: dispose,
        };
      } catch (error) {
        await dispose();
        throw error;
      }
    },
  };
}

/** Loads Llama and its relatives. */
export type LlamaLoader = ModelLoader<LanguageModel>;

/** What `createLlamaLoader` takes. */
export type LlamaLoaderOptions = ModelLoaderOptions;

/** `createModelLoader` under the name of its families: Llama and its relatives. */
export function createLlamaLoader(options: LlamaLoaderOptions = {}): LlamaLoader {
  return createModelLoader(options);
}

/** Loads a model from a directory with the loader of its family. */
export async function loadModel(directory: string, options: LoadOptions = {}): Promise<LanguageModel> {
  return createModelLoader().load(directory, options);
}

function assertKnownOptions(options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ModelError("INVALID_ARGUMENT", {
      expected: `options among ${known.join(", ")}`,
      got: quoteValue(unknown),
    });
  }
}
