import type { HealthStatus } from "@infernode/health";
import type { AvailableMemory, MemorySnapshot, PoolStats } from "@infernode/memory";
import type { EngineSettings } from "../../config/config.ts";
import type { InfernodeEventSink } from "../../events/event-bus.ts";
import type { StartConstraintThread } from "../constraints/constraint-thread.ts";
import type { StartPromptThread } from "../prompts/prompt-thread.ts";
import type { VerifyGpu } from "../gpu/gpu-verifier.ts";
import type { KeptExecutor } from "./choose-executor.ts";
import type { MemoryDemand } from "../divide-memory.ts";
import type { ModelStats, LocalModel } from "../model-service.ts";
import type { AnyOperation, CallEvent } from "../../operations/operation.ts";

/** Settings of the supervisor, which the engine process does not get. */
export type SupervisorSetting = "startTimeoutMs" | "hangAfterMs" | "maxRestarts";

type CoreSettings = Omit<EngineSettings, SupervisorSetting>;
type RequiredSetting = "maxTokensPerStep" | "maxQueuedRequests" | "maxQueuedTokens" | "runtime";

/** Options of an engine: plain data that can be sent to the engine process. */
export interface EngineCoreOptions
  extends Pick<CoreSettings, RequiredSetting>, Partial<Omit<CoreSettings, RequiredSetting>> {
  /** Absolute. */
  readonly modelDirectory: string;
  /** The served name. [the name of the checkpoint] */
  readonly modelName?: string | undefined;
  /** The label `engine` of events and metrics. ["0"] */
  readonly engineId?: string | undefined;
  /** Absolute; a Jinja file in place of the checkpoint's chat template. */
  readonly chatTemplatePath?: string | undefined;
  /** How the model writes calls of tools. [found from its chat template] */
  readonly toolParser?: string | undefined;
  /** How the model writes reasoning. [found from its chat template] */
  readonly reasoningParser?: string | undefined;
  /** The share of a GPU's memory, where models divide one. [`gpuMemoryUtilization`] */
  readonly gpuShare?: number | undefined;
  /** Absolute directories by name: LoRA adapters that are loaded with the model. [none] */
  readonly adapters?: Readonly<Record<string, string>> | undefined;
}

/** Health and memory of an engine, sent a few times a second. Plain data. */
export interface EngineHeartbeat {
  /** Whether the last step succeeded. Stalls are detected by the supervisor. */
  readonly health: HealthStatus;
  /** Of the host's memory, and of a device's where the executor has its memory there. */
  readonly pools: readonly PoolStats[];
  readonly ledger: MemorySnapshot;
}

/** A loaded model with its engine: what the engine process and the inline engine have in common. */
export interface EngineCore extends AsyncDisposable {
  readonly model: LocalModel;
  /** Runtime, version and threads in plain text. */
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

/** Resolves with the memory that a model may plan with. */
export type ReserveMemory = (demand: MemoryDemand) => Promise<AvailableMemory>;

/** Dependencies of a core. Defaults in brackets. */
export interface EngineCoreDependencies {
  readonly events: InfernodeEventSink;
  /** [the free memory of the machine] */
  readonly reserveMemory?: ReserveMemory | undefined;
  /** Says whether a GPU computes what it should. [checked in a process of its own] */
  readonly verifyGpu?: VerifyGpu | undefined;
  /** What the model ran with before: it runs with the same again, or not at all. [as the options say] */
  readonly keptExecutor?: KeptExecutor | undefined;
  /** Receives the bytes that were read to quantize the weights, and their total. [none] */
  readonly onLoadProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  /** Called once when the executor's device is lost: every later call fails, and the process must end. [ignored] */
  readonly onDeviceLost?: ((error: Error) => void) | undefined;
  /** [the operations of this package] */
  readonly operations?: readonly AnyOperation[] | undefined;
  /** Starts a thread that tokenizes prompts. [a worker of this package] */
  readonly startPromptThread?: StartPromptThread | undefined;
  /** Starts a thread that compiles constraints. [a worker of this package] */
  readonly startConstraintThread?: StartConstraintThread | undefined;
}

/** Loads a model and creates its engine. */
export type CreateEngineCore = (
  options: EngineCoreOptions,
  dependencies: EngineCoreDependencies,
) => Promise<EngineCore>;
