import type { HealthStatus } from "@infernode/health";
import type { AvailableMemory, MemorySnapshot, PoolStats } from "@infernode/memory";
import type { EngineSettings } from "../../config/config.ts";
import type { InfernodeEventSink } from "../../events/event-bus.ts";
import type { StartPromptThread } from "../prompts/prompt-thread.ts";
import type { MemoryDemand } from "../divide-memory.ts";
import type { ModelStats, LocalModel } from "../model-service.ts";
import type { AnyOperation, CallEvent } from "../../operations/operation.ts";

/** Settings that the process of the engine does not see. */
export type SupervisorSetting = "startTimeoutMs" | "hangAfterMs" | "maxRestarts";

type CoreSettings = Omit<EngineSettings, SupervisorSetting>;
type RequiredSetting = "maxTokensPerStep" | "maxQueuedRequests" | "maxQueuedTokens" | "runtime";

/** What an engine is made of; plain data that can cross to the engine process. */
export interface EngineCoreOptions
  extends Pick<CoreSettings, RequiredSetting>, Partial<Omit<CoreSettings, RequiredSetting>> {
  /** Absolute. */
  readonly modelDirectory: string;
  /** The name to serve under; the checkpoint's by default. */
  readonly modelName?: string | undefined;
  /** Tells the engines of a daemon apart, in events and metrics. ["0"] */
  readonly engineId?: string | undefined;
  /** Absolute; a Jinja file in place of the checkpoint's chat template. */
  readonly chatTemplatePath?: string | undefined;
}

/** What changes slowly and is told a few times a second. Plain data. */
export interface EngineHeartbeat {
  /** What the engine says of itself: how the last step went. Whether steps are made is judged by the daemon. */
  readonly health: HealthStatus;
  readonly pool: PoolStats;
  readonly ledger: MemorySnapshot;
}

/** A loaded model with its engine, in this process: what the engine process and the inline engine share. */
export interface EngineCore extends AsyncDisposable {
  readonly model: LocalModel;
  /** Runtime, version, threads, for people. */
  readonly description: string;
  stats(): ModelStats;
  heartbeat(): EngineHeartbeat;
  /**
   * Runs an operation of the registry. Leaving the loop or aborting the signal stops the work within one step.
   * @throws EngineRequestError `UNKNOWN_OPERATION`
   */
  call(operation: string, input: unknown, signal: AbortSignal): AsyncIterable<CallEvent>;
  drain(options: { readonly timeoutMs: number }): Promise<void>;
  dispose(): Promise<void>;
}

/** Asks whoever divides the memory of the machine what a model may plan with. */
export type ReserveMemory = (demand: MemoryDemand) => Promise<AvailableMemory>;

/** What the process that holds the core brings. */
export interface EngineCoreDependencies {
  readonly events: InfernodeEventSink;
  /** [what the machine has free] */
  readonly reserveMemory?: ReserveMemory | undefined;
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
