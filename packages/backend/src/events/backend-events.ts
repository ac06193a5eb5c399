import type { EngineLabels } from "@infernode/inference";
import type { EngineState } from "../models/model-service.ts";

/** What a supervisor reports of its engine. */
export type SupervisorFactMap = {
  "backend:engine-started": { readonly pid: number | undefined; readonly startMs: number };
  /** It makes no progress and is ended; a crash follows. */
  "backend:engine-hung": {
    readonly pid: number | undefined;
    /** Since the process last said anything. */
    readonly silentMs: number;
    readonly runningSequenceCount: number;
    readonly waitingRequestCount: number;
  };
  "backend:engine-crashed": {
    readonly pid: number | undefined;
    readonly exitCode: number | undefined;
    readonly signal: string | undefined;
    /** Requests that got an error: what had streamed tokens, and what was in flight at an earlier crash. */
    readonly failedRequestCount: number;
    /** Requests of which the client has nothing yet, and that wait for the next engine. */
    readonly replayedRequestCount: number;
  };
  /** The machine has no room for the engine process now; it is tried again. */
  "backend:engine-start-postponed": {
    /** The system's: `EMFILE`, `ENFILE`, `EAGAIN`, `ENOMEM`. */
    readonly code: string;
    readonly reason: string;
    /** In a row. */
    readonly failedStartCount: number;
    readonly retryInMs: number;
  };
  "backend:engine-restarted": {
    readonly pid: number | undefined;
    readonly restartCount: number;
    readonly downMs: number;
  };
  "backend:engine-state-changed": { readonly from: EngineState; readonly to: EngineState };
  "backend:model-loaded": {
    readonly parameterCount: number;
    readonly contextTokens: number;
    readonly executor: string;
    readonly totalBytes: number;
  };
  /** Once for each request that generates. */
  "backend:first-token": {
    readonly requestId: string;
    /** Since the daemon asked the engine: the prompt's tokenizing and an engine's restart are in it. */
    readonly timeToFirstTokenMs: number;
  };
};

/** The backend's events, by name; those of an engine name it and its model. */
export type BackendEventMap = {
  [Name in keyof SupervisorFactMap]: SupervisorFactMap[Name] & EngineLabels;
} & {
  "backend:draining": { readonly reason: string; readonly timeoutMs: number };
  "backend:stopped": { readonly reason: string };
};
