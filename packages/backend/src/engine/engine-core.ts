import type { HealthStatus } from "@infernode/health";
import type { EngineStats } from "@infernode/inference";
import type { MemorySnapshot, PoolStats } from "@infernode/memory";
import type { InfernodeEventSink } from "../events/event-bus.ts";
import type { TokenizerThread } from "./tokenizer-thread.ts";
import type { EngineReply, EngineRequest, Prompt, PromptDescription, ServedModel } from "./engine-client.ts";

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
  readonly maxQueuedRequests: number;
  readonly maxQueuedTokens: number;
  readonly threads?: number | undefined;
  readonly runtime: "auto" | "ffi" | "binding";
  /** A plan above this is refused; by the system's free memory when absent. */
  readonly memoryLimitBytes?: number | undefined;
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
  stats(): EngineStats;
  vitals(): EngineVitals;
  /** Leaving the loop or aborting the signal stops the work within one step. */
  generate(request: EngineRequest, signal: AbortSignal): AsyncIterable<EngineReply>;
  tokenize(prompt: Prompt): Promise<readonly number[]>;
  describePrompt(prompt: Prompt): Promise<PromptDescription>;
  drain(options: { readonly timeoutMs: number }): Promise<void>;
  dispose(): Promise<void>;
}

/** What the process that holds the core brings. */
export interface EngineCoreDependencies {
  readonly events: InfernodeEventSink;
  /** Makes a thread for long texts. [they are encoded between two steps] */
  readonly createTokenizerThread?: ((modelDirectory: string) => TokenizerThread) | undefined;
}

/** Loads a model and makes an engine of it. */
export type CreateEngineCore = (
  options: EngineCoreOptions,
  dependencies: EngineCoreDependencies,
) => Promise<EngineCore>;
