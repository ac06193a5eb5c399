import type { HealthStatus } from "@infernode/health";
import type { EngineStats } from "@infernode/inference";
import type { MemorySnapshot, PoolStats } from "@infernode/memory";
import type { InfernodeEventSink } from "../events/event-bus.ts";
import type { StartPromptThread } from "./prompt-thread.ts";
import type { ServedModel } from "../models/model-service.ts";
import type { AnyOperation, CallEvent } from "../operations/operation.ts";

/** What an engine is made of; plain data that can cross to the engine process. */
export interface EngineCoreOptions {
  /** Absolute. */
  readonly modelDirectory: string;
  /** The name to serve under; the checkpoint's by default. */
  readonly modelName?: string | undefined;
  /** Absolute; a Jinja file in place of the checkpoint's chat template. */
  readonly chatTemplatePath?: string | undefined;
  /** [the checkpoint's, or as many as memory holds] */
  readonly contextTokens?: number | undefined;
  /** [16, or as many as memory holds] */
  readonly maxSequences?: number | undefined;
  readonly maxTokensPerStep: number;
  /** [100] */
  readonly stepTimeMs?: number | undefined;
  readonly maxQueuedRequests: number;
  readonly maxQueuedTokens: number;
  /** Time to make tokens of a prompt; long ones have more. [5000] */
  readonly promptTimeoutMs?: number | undefined;
  /** [256 MiB, or less when memory is short] */
  readonly answerMemoryBytes?: number | undefined;
  readonly threads?: number | undefined;
  readonly runtime: "auto" | "ffi" | "binding";
  /** A plan above this is refused; by the system's free memory when absent. */
  readonly memoryLimitBytes?: number | undefined;
}

/** What the engine counts, with the prompts that are still text among those that wait. */
export interface CoreStats extends EngineStats {
  /** Prompts that were made tokens of, or refused, since the start. */
  readonly preparedPromptCount: number;
}

/** What changes slowly and is told a few times a second. Plain data. */
export interface EngineVitals {
  /** What the engine says of itself: whether steps are made, and how the last one went. */
  readonly health: HealthStatus;
  readonly pool: PoolStats;
  readonly ledger: MemorySnapshot;
}

/** A loaded model with its engine, in this process: what the engine process and the inline engine share. */
export interface EngineCore extends AsyncDisposable {
  readonly model: ServedModel;
  /** Runtime, version, threads, for people. */
  readonly description: string;
  stats(): CoreStats;
  vitals(): EngineVitals;
  /**
   * Runs an operation of the registry. Leaving the loop or aborting the signal stops the work within one step.
   * @throws EngineRequestError `UNKNOWN_OPERATION`
   */
  call(operation: string, input: unknown, signal: AbortSignal): AsyncIterable<CallEvent>;
  drain(options: { readonly timeoutMs: number }): Promise<void>;
  dispose(): Promise<void>;
}

/** What the process that holds the core brings. */
export interface EngineCoreDependencies {
  readonly events: InfernodeEventSink;
  /** What the engine can be asked for. [the operations of this package] */
  readonly operations?: readonly AnyOperation[] | undefined;
  /** Starts a thread that makes tokens of prompts. [one of this package's files] */
  readonly startPromptThread?: StartPromptThread | undefined;
}

/** Loads a model and makes an engine of it. */
export type CreateEngineCore = (
  options: EngineCoreOptions,
  dependencies: EngineCoreDependencies,
) => Promise<EngineCore>;
