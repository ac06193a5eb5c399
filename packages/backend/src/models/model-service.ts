import type { EngineStats, ExecutorMemoryPlan } from "@infernode/inference";
import type { GenerationDefaults } from "@infernode/models";
import type { WeightMode } from "../weight-mode.ts";
import type { CallEvent, Operation } from "../operations/operation.ts";

/** What conversations with a model can use. */
export interface ChatFeatures {
  /** Its chat template shows the tools of a request. */
  readonly readsTools: boolean;
  /** Its chat template has levels of reasoning. */
  readonly readsReasoningEffort: boolean;
  /** Its chat template can turn reasoning off. */
  readonly readsEnableThinking: boolean;
  /** How it writes calls of tools; `undefined`: its answers have none. */
  readonly toolParser: string | undefined;
  /** How it writes reasoning; `undefined`: all of its answers is content. */
  readonly reasoningParser: string | undefined;
}

/**
 * A served model, local or remote: what its callers need to know. What a remote server does not report is
 * `undefined`, and is not validated before the call.
 */
export interface ServedModel {
  readonly id: string;
  readonly family: string | undefined;
  readonly parameterCount: number | undefined;
  /** Longest served sequence; may be less than the checkpoint's. */
  readonly contextTokens: number | undefined;
  readonly vocabSize: number | undefined;
  readonly hasChatTemplate: boolean | undefined;
  /** Where it has a chat template. */
  readonly chat?: ChatFeatures;
  /** Defaults of parameters that a request leaves out; a remote server applies its own. */
  readonly generationDefaults: GenerationDefaults;
  readonly executor: string | undefined;
  /** How the weights of a dense checkpoint are computed. */
  readonly quantization: WeightMode | undefined;
  /** Memory for answers that are being collected. */
  readonly answerMemoryBytes: number;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/** A model in an engine of this machine: everything is known, and its memory is planned. */
export interface LocalModel extends ServedModel {
  readonly family: string;
  readonly parameterCount: number;
  readonly contextTokens: number;
  readonly vocabSize: number;
  readonly hasChatTemplate: boolean;
  readonly executor: string;
  /** Why it is this one. */
  readonly executorReason: string;
  /** Where the memory of the plan is: `cpu`, `cuda:0`. */
  readonly device: string;
  readonly quantization: WeightMode;
  readonly memoryPlan: ExecutorMemoryPlan;
}

/** The engine's statistics, with prompts that are not tokenized yet counted as waiting. */
export interface ModelStats extends EngineStats {
  /** Prompts that were tokenized or refused since the start. */
  readonly preparedPromptCount: number;
}

/** The state of an engine; `failed` and `stopped` are final. */
export type EngineState = "starting" | "ready" | "restarting" | "draining" | "stopped" | "failed";

/** The state of a model's engine, or `unavailable` if a remote server does not serve it at present. */
export type ModelState = EngineState | "unavailable";

/** A model of a service and its state. */
export interface ModelStatus {
  readonly id: string;
  /** Other names for calls. */
  readonly aliases: readonly string[];
  readonly state: ModelState;
  /** Why it is not ready, in plain text; empty when ready. */
  readonly reasons: readonly string[];
  /** Known once it was ready. */
  readonly model: ServedModel | undefined;
  /** Of a model that is another one with an adapter. */
  readonly adapter?: { readonly directory: string; readonly baseId: string };
  /** The latest that its engine reported; `undefined` before it is ready, and where the engine is remote. */
  readonly stats: ModelStats | undefined;
}

/** Options of a call. There is no principal, priority or deadline yet: no service would use them. */
export interface CallOptions {
  /** The id or an alias of a model. */
  readonly modelId: string;
  /** Stops the work within one step; the iteration rejects with its reason. [never] */
  readonly signal?: AbortSignal | undefined;
}

/** Runs operations on models, in any process or on any machine. */
export interface ModelService extends AsyncDisposable {
  /** All models, those that are loading included. */
  models(): readonly ModelStatus[];
  /**
   * Runs an operation; the work begins when the first event is read. Leaving the loop or aborting the signal stops it
   * within one step. While the engine restarts after a crash, a call waits as if queued.
   * @throws BackendError `UNKNOWN_MODEL`, `ENGINE_UNAVAILABLE`, `ENGINE_CRASHED`; EngineRequestError with the
   * engine's own code (`CONTEXT_LENGTH_EXCEEDED`, `QUEUE_FULL`, `INVALID_REQUEST`, `UNKNOWN_OPERATION`, …)
   */
  call<Input, Event extends CallEvent>(
    operation: Operation<Input, Event>,
    input: NoInfer<Input>,
    options: CallOptions,
  ): AsyncIterable<Event>;
  /** Refuses new calls, and resolves when running calls have ended or the time is over. */
  drain(options: { readonly timeoutMs: number }): Promise<void>;
  dispose(): Promise<void>;
}
