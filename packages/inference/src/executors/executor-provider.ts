import type { LanguageModel } from "@infernode/models";
import type { MemoryPort } from "../ports.ts";
import type { Executor, ExecutorMemoryPlan } from "./executor.ts";

/** What an executor needs of a loaded model. */
export type ExecutorModel = Pick<LanguageModel, "name" | "config" | "architecture" | "weights">;

/** Sizes that decide how much memory an executor takes. */
export interface ExecutorSizes {
  /** Sequences that have a place in the KV cache at once. */
  readonly maxSequences: number;
  /** The longest sequence. [the model's own limit] */
  readonly contextTokens?: number;
  /** Longer chunks of a prompt are run in parts of this many tokens. [512, at most the context] */
  readonly maxChunkTokens?: number;
}

/** The executor works, but not as it was meant to. */
export interface ExecutorWarning {
  readonly code: string;
  readonly message: string;
}

/** What every executor is created with. */
export interface ExecutorOptions extends ExecutorSizes {
  readonly model: ExecutorModel;
  /** Holds the KV cache, the logits and the executor's own buffers. */
  readonly memory: MemoryPort;
  /** Threads of one forward pass. [physical cores] */
  readonly threads?: number;
  /** One of the provider's `runtimes`, or `auto`. [`auto`] */
  readonly runtime?: string;
  readonly onWarning?: (warning: ExecutorWarning) => void;
  /** Called between the opening of the runtime and the loading of the weights, so that each can be measured. */
  readonly onRuntimeOpened?: () => void;
}

/**
 * Creates executors of one kind. All but `create` ask in advance what `create` would refuse, so that a model can be
 * judged without running it; they throw the same errors.
 */
export interface ExecutorProvider {
  /** The name of its executors, such as `onnx`. */
  readonly name: string;
  /** The library that computes, as people know it. */
  readonly library: string;
  /** The ways to reach the library, the preferred one first. */
  readonly runtimes: readonly string[];
  /** Refuses a model whose network cannot be run. Reads no weights. */
  assertRuns(model: ExecutorModel): Promise<void>;
  /** States what an executor takes, from the config and the index of the weights. Loads nothing. */
  plan(model: ExecutorModel, sizes: ExecutorSizes): ExecutorMemoryPlan;
  /** Opens the runtime, reads the weights once, and keeps neither. */
  assertLoads(model: ExecutorModel, options: Pick<ExecutorOptions, "runtime">): Promise<void>;
  create(options: ExecutorOptions): Promise<Executor>;
}
