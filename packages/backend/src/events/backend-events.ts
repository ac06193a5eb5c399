import type { EngineLabels } from "@infernode/inference";
import type { WeightMode } from "../weight-mode.ts";
import type { EngineState } from "../models/model-service.ts";

/** Events that a supervisor reports about its engine. */
export type SupervisorEventMap = {
  "backend:engine-started": { readonly pid: number | undefined; readonly startMs: number };
  /** The engine process makes no progress and is killed; `backend:engine-crashed` follows. */
  "backend:engine-hung": {
    readonly pid: number | undefined;
    /** Since the last message of the process. */
    readonly silentMs: number;
    readonly runningSequenceCount: number;
    readonly waitingRequestCount: number;
  };
  "backend:engine-crashed": {
    readonly pid: number | undefined;
    readonly exitCode: number | undefined;
    readonly signal: string | undefined;
    /** How it ended, or what it said before. */
    readonly reason: string;
    /** Requests that failed: those that had streamed tokens, and probable causes of repeated crashes. */
    readonly failedRequestCount: number;
    /** Requests of which the client has received nothing, which wait for the next engine. */
    readonly replayedRequestCount: number;
  };
  /** The system lacks descriptors, processes or memory for the engine process; the start is retried. */
  "backend:engine-start-postponed": {
    /** System error code: `EMFILE`, `ENFILE`, `EAGAIN`, `ENOMEM`. */
    readonly code: string;
    readonly reason: string;
    /** Consecutive. */
    readonly failedStartCount: number;
    readonly retryInMs: number;
  };
  "backend:engine-restarted": {
    readonly pid: number | undefined;
    readonly restartCount: number;
    readonly downMs: number;
  };
  "backend:engine-state-changed": {
    readonly from: EngineState;
    readonly to: EngineState;
    /** Why the engine is not ready; empty if it is. */
    readonly reasons: readonly string[];
  };
  /** A few times a second while the weights of a model are quantized, and at the end. */
  "backend:weights-quantizing": {
    /** Bytes of the checkpoint that were read. */
    readonly doneBytes: number;
    readonly totalBytes: number;
  };
  "backend:model-loaded": {
    readonly parameterCount: number;
    readonly contextTokens: number;
    readonly executor: string;
    /** Why it is this one. */
    readonly executorReason: string;
    readonly productPrecision: string;
    readonly productLibrary: string;
    /** Where `totalBytes` are planned: `cpu`, `cuda:0`. */
    readonly device: string;
    readonly quantization: WeightMode;
    readonly totalBytes: number;
    /** Of the host's memory: the same on `cpu`. */
    readonly hostBytes: number;
  };
  /** Once for each request that generates tokens. */
  "backend:first-token": {
    readonly requestId: string;
    /** Since the daemon called the engine; includes tokenization and an engine restart. */
    readonly timeToFirstTokenMs: number;
  };
};

/** Events of the backend. Events about an engine have its labels. */
export type BackendEventMap = {
  [Name in keyof SupervisorEventMap]: SupervisorEventMap[Name] & EngineLabels;
} & {
  /** The kernels are run on a GPU, in a process of their own, before `auto` takes it. */
  "backend:gpu-check-started": {
    readonly device: string;
    readonly uuid: string;
    /** Of NVIDIA's driver; `unknown` where neither NVML nor the kernel says. */
    readonly driver: string;
  };
  /** What they computed, now or at an earlier start. */
  "backend:gpu-checked": {
    readonly device: string;
    readonly uuid: string;
    readonly driver: string;
    readonly kernelCount: number;
    /** Why `auto` does not take it; `undefined` where every kernel gives the stored values. */
    readonly failure: string | undefined;
    /** Known from an earlier start: nothing was run. */
    readonly isFromCache: boolean;
    readonly durationMs: number;
    /** Why the result could not be kept; the next start checks again then. */
    readonly notKept: string | undefined;
  };
  "backend:draining": { readonly reason: string; readonly timeoutMs: number };
  "backend:stopped": { readonly reason: string };
};
