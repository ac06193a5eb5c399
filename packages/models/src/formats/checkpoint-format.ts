import type { ChatTemplate } from "../chat-template/chat-template.ts";
import type { GenerationDefaults } from "../config/parse-generation-defaults.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { FileAccess, FileStat } from "../files/file-access.ts";
import type { ModelWarning } from "../network/model-warning.ts";
import type { LoadedTokenizer } from "../tokenizer/tokenizer.ts";
import type { PreparationTarget } from "../weights/prepared/preparation-target.ts";
import type { RangeJobOptions } from "../weights/prepared/run-range-jobs.ts";
import type { WeightIndex } from "../weights/weight-index.ts";

/** A path that may hold a model. */
export interface ModelLocation {
  readonly files: FileAccess;
  /** Absolute. */
  readonly path: string;
  readonly kind: FileStat["kind"];
}

/** The network of a checkpoint, not yet compared with its weights. */
export interface StoredNetwork {
  readonly config: ModelConfig;
  readonly weights: WeightIndex;
  readonly generationDefaults: GenerationDefaults;
  /** What is known of weights that were prepared before. */
  readonly prepared?: PreparedNetwork | undefined;
  /** Problems that do not prevent loading. */
  readonly warnings?: readonly ModelWarning[];
}

/** Weights that are stored as they are computed with. */
export interface PreparedNetwork {
  /** The path of the checkpoint that they were made of. */
  readonly source: string;
  /** The mode that dense weights were quantized with, such as `int4`. */
  readonly mode: string;
  /** Such as `int4, blocks of 32`. */
  readonly quantization: string;
  /** What their copies are for. */
  readonly target: PreparationTarget;
  /** Compares all of them with their checksums. @throws ModelError `INVALID_SAFETENSORS` */
  verify(options: RangeJobOptions): Promise<void>;
}

/** Tokenizer and chat template of a checkpoint. */
export interface StoredText {
  readonly tokenizer: LoadedTokenizer;
  readonly chatTemplate: ChatTemplate | undefined;
  /** Tokens that end an answer beside those of the config. [none but the tokenizer's own] */
  readonly endTokenIds?: readonly number[];
}

export interface OpenNetworkOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ReadTextOptions {
  /** The clock of chat templates; the system's by default. */
  readonly now?: (() => Date) | undefined;
  /** A Jinja file that replaces the checkpoint's own chat template. */
  readonly chatTemplatePath?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** False builds no encoder, which saves its memory; `encode` throws then. Default true. */
  readonly encodes?: boolean | undefined;
  /** False where the whole thread can be stopped while it encodes. Default true. */
  readonly hasTimeLimit?: boolean | undefined;
}

/** One way to store a model. A new one is a folder in `formats/` and a line in `checkpointFormats`. */
export interface CheckpointFormat {
  readonly name: string;
  /**
   * What a model of this format is, in the error where no format detects one: `a directory with config.json`.
   * `undefined` for a format that nobody brings from elsewhere.
   */
  readonly description: string | undefined;
  /** Whether a location is of this format: looks at names or at the first bytes of a file, no further. */
  detect(location: ModelLocation): Promise<boolean>;
  /** Reads config and headers, and allocates nothing for weights. The caller closes `weights`. @throws ModelError */
  open(location: ModelLocation, options: OpenNetworkOptions): Promise<StoredNetwork>;
  /** Reads tokenizer and chat template; the network need not be open. @throws ModelError */
  readText(location: ModelLocation, options: ReadTextOptions): Promise<StoredText>;
}
