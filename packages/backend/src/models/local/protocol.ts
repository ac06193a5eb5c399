import type { AvailableMemory } from "@infernode/memory";
import type { EngineErrorRecord } from "../../errors.ts";
import type { MemoryDemand } from "../divide-memory.ts";
import type { GpuIdentity } from "../gpu/gpu-identity.ts";
import type { KernelVerdict } from "../gpu/kernel-verdict.ts";
import type { InfernodeEvent } from "../../events/event-map.ts";
import type { LocalModel, ModelStats } from "../model-service.ts";
import type { CallEvent } from "../../operations/operation.ts";
import type { KeptExecutor } from "../engine/choose-executor.ts";
import type { EngineCoreOptions, EngineHeartbeat } from "../engine/engine-core.ts";

/** Messages from the daemon to the engine process. The daemon numbers the calls. */
export type DaemonMessage =
  | {
      readonly type: "start";
      readonly options: EngineCoreOptions;
      readonly heartbeatIntervalMs: number;
      /** What the model may plan with, if that is known already. [the process asks, with `reserve-memory`] */
      readonly memory?: AvailableMemory | undefined;
      /** An earlier process crashed: this one runs a self-test before it is ready. [false] */
      readonly needsSelfTest?: boolean;
      /** What an earlier process ran the model with. [none has] */
      readonly keptExecutor?: KeptExecutor | undefined;
    }
  /** The answer to `reserve-memory`. */
  | { readonly type: "memory-reserved"; readonly memory: AvailableMemory }
  /** The answer to `verify-gpu`. */
  | { readonly type: "gpu-verified"; readonly verdict: KernelVerdict }
  | {
      readonly type: "call";
      readonly callId: number;
      /** The name in the registry. */
      readonly operation: string;
      readonly input: unknown;
    }
  | { readonly type: "cancel"; readonly callId: number }
  /** The call's reader is behind: the engine holds its events until `resume`. */
  | { readonly type: "pause" | "resume"; readonly callId: number }
  | { readonly type: "drain"; readonly timeoutMs: number }
  | { readonly type: "shutdown" };

/** Messages from the engine process to the daemon. */
export type EngineMessage =
  | {
      readonly type: "ready";
      readonly model: LocalModel;
      readonly description: string;
      readonly loadMs: number;
    }
  /** Before anything is loaded: how much memory the model needs, and how much it can use. */
  | { readonly type: "reserve-memory"; readonly demand: MemoryDemand }
  /** Before anything is loaded: whether a GPU computes what it should. */
  | { readonly type: "verify-gpu"; readonly identity: GpuIdentity }
  /** While the weights are quantized: bytes that were read, of all that are to be. */
  | { readonly type: "load-progress"; readonly doneBytes: number; readonly totalBytes: number }
  | { readonly type: "start-failed"; readonly error: EngineErrorRecord }
  /** It cannot go on, and ends: its device was lost. Calls that have not ended are as after a crash. */
  | { readonly type: "failed"; readonly error: EngineErrorRecord }
  /** Everything since the last message: once per step, and with each heartbeat. */
  | {
      readonly type: "batch";
      readonly callEvents: readonly (readonly [callId: number, event: CallEvent])[];
      /** Calls that have ended: all their events are in this batch or an earlier one. */
      readonly callEnds: readonly (readonly [callId: number, error: EngineErrorRecord | undefined])[];
      /** For the event bus. */
      readonly events: readonly InfernodeEvent[];
      readonly stats: ModelStats;
      /** A few times a second. */
      readonly heartbeat: EngineHeartbeat | undefined;
    }
  | { readonly type: "drained" };

function hasTypeOf(value: unknown, types: ReadonlySet<unknown>): boolean {
  return typeof value === "object" && value !== null && "type" in value && types.has(value.type);
}

const daemonMessageTypes: ReadonlySet<unknown> = new Set<DaemonMessage["type"]>([
  "start",
  "memory-reserved",
  "gpu-verified",
  "call",
  "cancel",
  "pause",
  "resume",
  "drain",
  "shutdown",
]);

/** Whether a value from the channel is a message of the daemon. The engine validates the input of calls. */
export function isDaemonMessage(value: unknown): value is DaemonMessage {
  return hasTypeOf(value, daemonMessageTypes);
}

const engineMessageTypes: ReadonlySet<unknown> = new Set<EngineMessage["type"]>([
  "ready",
  "reserve-memory",
  "verify-gpu",
  "load-progress",
  "start-failed",
  "failed",
  "batch",
  "drained",
]);

/** Whether a value from the channel is a message of the engine process. */
export function isEngineMessage(value: unknown): value is EngineMessage {
  return hasTypeOf(value, engineMessageTypes);
}
