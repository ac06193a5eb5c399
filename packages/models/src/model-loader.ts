import type { ChatTemplate } from "./chat-template/index.ts";
import type { LoadedTokenizer } from "./tokenizer/create-tokenizer.ts";
import type { Architecture } from "./network/decoder-builder.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { ModelWarning } from "./network/model-warning.ts";
import type { WeightIndex } from "./weights/weights.ts";

/** Sampling that the checkpoint's authors recommend (`generation_config.json`). */
export interface GenerationDefaults {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly maxNewTokens?: number;
}

/** A checkpoint read and checked, ready for an executor. Holds no weights in memory. */
export interface LanguageModel extends AsyncDisposable {
  readonly name: string;
  readonly directory: string;
  readonly config: ModelConfig;
  readonly architecture: Architecture;
  readonly weights: WeightIndex;
  readonly tokenizer: LoadedTokenizer;
  readonly chatTemplate: ChatTemplate | undefined;
  readonly generationDefaults: GenerationDefaults;
  /** Tensors of the files that the network does not use. */
  readonly unusedTensors: readonly string[];
  /** What to know of it though it loads. */
  readonly warnings: readonly ModelWarning[];
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
  /** Told what to know of a checkpoint though it loads, such as tensors that are not used. */
  readonly onWarning?: (warning: ModelWarning) => void;
}

/** Makes one kind of model from a directory. */
export interface ModelLoader<T> {
  /** The families that it knows, for the error that names them. */
  readonly families: readonly string[];
  /** @throws ModelError with a code, before memory is taken */
  load(directory: string, options?: LoadOptions): Promise<T>;
}
