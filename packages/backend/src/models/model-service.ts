import type { EngineStats, ExecutorMemoryPlan } from "@infernode/inference";
import type { GenerationDefaults } from "@infernode/models";
import type { CallEvent, Operation } from "../operations/operation.ts";

/** A loaded model, as far as the daemon and its clients need to know it. */
export interface ServedModel {
  readonly id: string;
  readonly family: string;
  readonly parameterCount: number;
  /** The longest sequence that is served; may be less than the checkpoint's. */
  readonly contextTokens: number;
  readonly vocabSize: number;
  readonly hasChatTemplate: boolean;
  readonly generationDefaults: GenerationDefaults;
  readonly executor: string;
  readonly memoryPlan: ExecutorMemoryPlan;
  /** Memory for answers on their way, in the engine and the daemon together. */
  readonly answerMemoryBytes: number;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/** What the engine counts, with the prompts that are still text among those that wait. */
export interface ModelStats extends EngineStats {
  /** Prompts that were made tokens of, or refused, since the start. */
  readonly preparedPromptCount: number;
}

/** What an engine is doing; `failed` and `stopped` are for good. */
export type EngineState = "starting" | "ready" | "restarting" | "draining" | "stopped" | "failed";

/** One model of a service, and how it is. */
export interface ModelStatus {
  readonly id: string;
  /** Other names that it can be called by. */
  readonly aliases: readonly string[];
  readonly state: EngineState;
  /** Why it is not ready, for people; empty when ready. */
  readonly reasons: readonly string[];
  /** Known once it was ready. */
  readonly model: ServedModel | undefined;
  /** The latest that its engine reported; `undefined` before it is ready. */
  readonly stats: ModelStats | undefined;
}

/** Who is asked, and until when. */
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
