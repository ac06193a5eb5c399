import type { ByteRange, LanguageModel } from "@infernode/models";
import type { InferenceError } from "../errors.ts";
import type { MemoryPort } from "../ports.ts";
import type {
  Executor,
  ExecutorMemoryPlan,
  KvCacheDtype,
  ProductLibrary,
  ProductPrecision,
} from "./executor.ts";

/** The parts of a loaded model that an executor needs. */
export type ExecutorModel = Pick<LanguageModel, "name" | "config" | "architecture" | "weights">;

/** Sizes that determine an executor's memory. */
export interface ExecutorSizes {
  /** Sequences in the KV cache at once. */
  readonly maxSequences: number;
  /** The longest sequence. [the model's own limit] */
  readonly contextTokens?: number;
  /** Longer chunks of a prompt are computed in parts of this many tokens. [512, at most the context] */
  readonly maxChunkTokens?: number;
  /** [`float32`; on a CUDA device, as precise as the weights are] */
  readonly kvCacheDtype?: KvCacheDtype | undefined;
  /** [`float32`; on a CUDA device `16-bit`, where weights are of 16 bits or in blocks] */
  readonly productPrecision?: ProductPrecision | undefined;
  /** For a CUDA device only. [`none`] */
  readonly productLibrary?: ProductLibrary | undefined;
  /** Adapters that are loaded at once. [none, and the network has no room for any] */
  readonly maxAdapters?: number;
  /** The largest rank of an adapter. [16] */
  readonly maxAdapterRank?: number;
}

/** Sizes of an executor whose KV cache may be in pages. */
export interface PagedExecutorSizes extends ExecutorSizes {
  /** Tokens that pages have room for, over all sequences; refused where there are none. [`maxSequences` of the longest] */
  readonly kvCacheTokens?: number;
  /** Of the device, where it is known: libraries need more memory on newer ones. [the newest] */
  readonly computeCapability?: { readonly major: number } | undefined;
}

/** A condition under which an executor works, but slower or otherwise than requested. */
export interface ExecutorWarning {
  readonly code: string;
  readonly message: string;
}

/** How the ranges of keys and values are found, which a cache of int8 is scaled by. */
export interface KvRangeSource {
  /** Tokens of a text to measure them with: some hundred, like those that the model is used for. */
  tokenIds(): Promise<readonly number[]>;
  /** Ranges that were measured before with this model. */
  read(): Promise<Float32Array | undefined>;
  /** Keeps measured ranges. */
  write(ranges: Float32Array): Promise<void>;
}

/** Options of every executor. */
export interface ExecutorOptions extends PagedExecutorSizes {
  readonly model: ExecutorModel;
  /** Holds the KV cache, the logits and the executor's own buffers. */
  readonly memory: MemoryPort;
  /** Threads of one forward pass; refused where the executor has none. [physical cores] */
  readonly threads?: number | undefined;
  /** One of the provider's `runtimes`, or `auto`. [`auto`] */
  readonly runtime?: string | undefined;
  /** The file of `productLibrary`. [found by its name, as the system finds libraries] */
  readonly productLibraryPath?: string | undefined;
  /** Of a cache of int8. [measured at each start, with tokens from all over the vocabulary] */
  readonly kvRanges?: KvRangeSource | undefined;
  /** Weights were found to be finite before, and their files have not changed: they are not scanned again. [false] */
  readonly hasFiniteWeights?: boolean | undefined;
  readonly onWarning?: (warning: ExecutorWarning) => void;
  /** Called after the runtime is opened and before weights are loaded, so that each can be measured. */
  readonly onRuntimeOpened?: () => void;
  /** Called once when the device is lost: every later call fails with the same error, and the process must end. */
  readonly onDeviceLost?: ((error: InferenceError) => void) | undefined;
}

/** For what weights are prepacked. */
export interface PrepackTarget {
  /** The same for the same library, processor and use of the weights. */
  readonly key: string;
  /** Library and processor in words. */
  readonly description: string;
}

export interface PrepackOptions extends Pick<ExecutorOptions, "threads" | "runtime"> {
  /** Where the copies are written; empty before. */
  readonly directory: string;
  /** The weights that copies are made of. [all] */
  readonly weightNames?: readonly string[] | undefined;
}

/** Copies of one tensor, and where they were written. */
export interface PrepackedTensor {
  readonly tensorName: string;
  readonly copies: readonly {
    readonly key: string;
    readonly parts: readonly (ByteRange & { readonly filePath: string })[];
  }[];
}

/** How it is checked that a model can be loaded. */
export interface LoadCheckOptions extends Pick<
  ExecutorOptions,
  "runtime" | "productLibrary" | "productLibraryPath"
> {
  /** As it is on disk, where weights of the model are yet to be written. [the model] */
  readonly stored?: ExecutorModel | undefined;
}

/**
 * Checks in advance what executors of one kind would refuse, with the same errors, so that a model can be checked without
 * running it.
 */
export interface ExecutorPlanner {
  /** Name of its executors, such as `onnx`. */
  readonly name: string;
  /** Name of the library that computes, such as `onnxruntime`. */
  readonly library: string;
  /** The ways to call the library, the preferred one first. */
  readonly runtimes: readonly string[];
  /** The types that its executors keep keys and values in. */
  readonly kvCacheDtypes: readonly KvCacheDtype[];
  /** Throws for a model whose network the executor cannot run. Reads no weights. */
  assertSupported(model: ExecutorModel): Promise<void>;
  /** Plans an executor's memory from the config and the weight index. Loads nothing. */
  plan(model: ExecutorModel, sizes: PagedExecutorSizes): ExecutorMemoryPlan;
  /** Throws if a library cannot be opened or a stored number is not finite. Keeps no weights. */
  assertLoadable(model: ExecutorModel, options: LoadCheckOptions): Promise<void>;
  /** Whether products with weights in blocks are faster than with numbers: where they are not, blocks are made for nothing. */
  readonly isFasterQuantized: boolean;
  /** Which weights of 8 bits its products are fast with: those of whole rows, rotated, or those in blocks. ["rows"] */
  readonly int8Layout?: "rows" | "blocks";
  /** Where copies of weights save work: makes them. [none] */
  readonly prepacking?: Prepacking | undefined;
}

/** Creates executors of one kind. */
export interface ExecutorProvider extends ExecutorPlanner {
  create(options: ExecutorOptions): Promise<Executor>;
}

/** Makes copies of weights in the order in which an executor computes with them. */
export interface Prepacking {
  /** Says for what `prepack` makes copies of weights here. */
  target(model: ExecutorModel): PrepackTarget;
  /** Where a model's tensors have copies (`TensorInfo.prepacked`), `create` maps them instead of making its own. */
  prepack(model: ExecutorModel, options: PrepackOptions): Promise<readonly PrepackedTensor[]>;
}
