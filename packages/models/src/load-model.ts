import type { ChatTemplate } from "./chat-template/chat-template.ts";
import { ModelError, quoteValue } from "./errors.ts";
import { supportedFamilies } from "./families/registry.ts";
import { modelNameOf } from "./files/hub-name.ts";
import { findModel } from "./formats/find-model.ts";
import type { ModelSource } from "./formats/find-model.ts";
import type { ModelWarning } from "./network/model-warning.ts";
import { openFoundCheckpoint } from "./open-checkpoint.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import { readModelText } from "./read-model-text.ts";
import type { LoadedTokenizer } from "./tokenizer/tokenizer.ts";

/** A model that was read and checked, ready for an executor. Holds no weights in memory. */
export interface LanguageModel extends Checkpoint, AsyncDisposable {
  readonly name: string;
  readonly tokenizer: LoadedTokenizer;
  readonly chatTemplate: ChatTemplate | undefined;
  dispose(): Promise<void>;
}

/** Options of `ModelLoader.load`. */
export interface LoadOptions {
  /** The model's name; by default the last part of the path, or `<owner>/<name>` for a snapshot in the Hub's cache. */
  readonly name?: string;
  /** A Jinja file that replaces the checkpoint's own chat template. */
  readonly chatTemplatePath?: string;
  /**
   * False builds no encoder, which saves its memory; `tokenizer.encode` throws then. For programs that tokenize
   * on another thread (`loadModelText`). Default true.
   */
  readonly encodes?: boolean;
  readonly signal?: AbortSignal;
  /** Receives warnings, such as unused tensors. */
  readonly onWarning?: (warning: ModelWarning) => void;
}

/** Loads models of some families. */
export interface ModelLoader<T> {
  /** The families that it loads. */
  readonly families: readonly string[];
  /** @throws ModelError with a code, before memory is allocated for weights */
  load(directory: string, options?: LoadOptions): Promise<T>;
}

/** Options of `createModelLoader`. */
export interface ModelLoaderOptions extends ModelSource {
  /** The clock of chat templates; the system's by default. */
  readonly now?: () => Date;
}

/**
 * Creates a loader for all supported families and the given formats.
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

/** The loader that `createLlamaLoader` creates. */
export type LlamaLoader = ModelLoader<LanguageModel>;

/** Options of `createLlamaLoader`. */
export type LlamaLoaderOptions = ModelLoaderOptions;

/** Creates the same loader as `createModelLoader`: all families here are variants of Llama. */
export function createLlamaLoader(options: LlamaLoaderOptions = {}): LlamaLoader {
  return createModelLoader(options);
}

/** Loads a model with the default loader. @throws ModelError with a code */
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
