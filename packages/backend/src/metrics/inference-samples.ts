import type { EngineEventMap, EngineLabels, EngineStats } from "@infernode/inference";

/** A request entered the queue. The samples are payloads of the engine's events, and its statistics. */
export type RequestQueuedSample = Pick<EngineEventMap["inference:request-queued"], "n" | "maxTokens">;

/** A request left the queue. */
export type RequestScheduledSample = Pick<EngineEventMap["inference:request-scheduled"], "queuedMs">;

/** A request generated its first token. */
export type FirstTokenSample = Pick<EngineEventMap["inference:first-token"], "timeToFirstTokenMs">;

/** A request ended, for any reason. */
export type RequestFinishedSample = Omit<
  EngineEventMap["inference:request-finished"],
  "requestId" | keyof EngineLabels
>;

/** The engine finished a step. */
export type StepFinishedSample = Omit<EngineEventMap["inference:step-finished"], keyof EngineLabels>;

/** The engine process exited unexpectedly; its requests did not report an end. */
export interface EngineCrashedSample {
  /** Requests that failed because of it. */
  readonly failedRequestCount: number;
}

/** Counts since the engine started; a count below the previous one means that it was restarted. */
export type EngineStatsSample = Omit<EngineStats, "lastStepMs" | "lastStepAtMs">;

/** Configuration of the KV cache, set once the engine has started. */
export interface CacheConfigSample {
  readonly blockTokens: number;
  readonly blockCount: number;
  /** Such as `float32`. */
  readonly dtype: string;
  readonly sizeBytes: number;
  readonly hasPrefixCache: boolean;
}
