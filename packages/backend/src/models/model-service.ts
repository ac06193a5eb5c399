import type { EngineStats, ExecutorMemoryPlan } from "@infernode/inference";
import type { GenerationDefaults } from "@infernode/models";
import type { CallEvent, Operation } from "../operations/operation.ts";

/**
 * A model that is served, wherever it runs: what who asks for answers needs to know. What its server does not tell
 * is `undefined`, and is not checked before the server is asked.
 */
export interface ServedModel {
  readonly id: string;
  readonly family: string | undefined;
  readonly parameterCount: number | undefined;
  /** The longest sequence that is served; may be less than the checkpoint's. */
  readonly contextTokens: number | undefined;
  readonly vocabSize: number | undefined;
  readonly hasChatTemplate: boolean | undefined;
  /** What a request that leaves a parameter out is given; a remote server applies its own. */
  readonly generationDefaults: GenerationDefaults;
  readonly executor: string | undefined;
  /** Memory for answers on their way. */
  readonly answerMemoryBytes: number;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/** A model in an engine of this machine: all is known, and its memory is planned. */
export interface LocalModel extends ServedModel {
  readonly family: string;
  readonly parameterCount: number;
  readonly contextTokens: number;
  readonly vocabSize: number;
  readonly hasChatTemplate: boolean;
  readonly executor: string;
  readonly memoryPlan: ExecutorMemoryPlan;
}

/** What the engine counts, with the prompts that are still text among those that wait. */
export interface ModelStats extends EngineStats {
  /** Prompts that were made tokens of, or refused, since the start. */
  readonly preparedPromptCount: number;
}

/** What an engine is doing; `failed` and `stopped` are for good. */
export type EngineState = "starting" | "ready" | "restarting" | "draining" | "stopped" | "failed";

/** How a model is: as its engine, or `unavailable` where a remote server does not serve it now and may again. */
export type ModelState = EngineState | "unavailable";

/** One model of a service, and how it is. */
export interface ModelStatus {
  readonly id: string;
  /** Other names that it can be called by. */
  readonly aliases: readonly string[];
  readonly state: ModelState;
  /** Why it is not ready, for people; empty when ready. */
  readonly reasons: readonly string[];
  /** Known once it was ready. */
  readonly model: ServedModel | undefined;
  /** The latest that its engine reported; `undefined` before it is ready, and where the engine is remote. */
  readonly stats: ModelStats | undefined;
}

/** Who is asked, and until when. No service ranks calls or knows who asks: there is no option for it yet. */
export interface CallOptions {
  /** Or one of its aliases. */
  readonly modelId: string;
  /** Stops the work within one step; the iteration rejects with its reason. [never] */
  readonly signal?: AbortSignal | undefined;
}

/** Answers for models, whichever process or machine they run on. */
export interface ModelService extends AsyncDisposable {
  /** Those that are still loading among them. */
  models(): readonly ModelStatus[];
  /**
   * Has a model do an operation; the work begins when the first event is asked for. Leaving the loop or aborting
   * the signal stops it within one step. While the engine is restarted after a crash, a call waits as in the queue.
   * @throws BackendError `UNKNOWN_MODEL`, `ENGINE_UNAVAILABLE`, `ENGINE_CRASHED`; EngineRequestError with the
   * engine's own code (`CONTEXT_LENGTH_EXCEEDED`, `QUEUE_FULL`, `INVALID_REQUEST`, `UNKNOWN_OPERATION`, …)
   */
  call<Input, Event extends CallEvent>(
    operation: Operation<Input, Event>,
    input: NoInfer<Input>,
    options: CallOptions,
  ): AsyncIterable<Event>;
  /** Takes no new calls, and resolves when those that run have ended, or at the end of the time. */
  drain(options: { readonly timeoutMs: number }): Promise<void>;
  dispose(): Promise<void>;
}
