import type { EngineEventMap, EngineLabels, EngineStats } from "@infernode/inference";

/** What inference metrics are fed with: the payloads of the engine's events and its statistics. */
export type RequestQueuedSample = Pick<EngineEventMap["inference:request-queued"], "n" | "maxTokens">;

/** A request left the queue. */
export type RequestScheduledSample = Pick<EngineEventMap["inference:request-scheduled"], "queuedMs">;

/** A request has its first token. */
export type FirstTokenSample = Pick<EngineEventMap["inference:first-token"], "timeToFirstTokenMs">;

/** A request ended, however it did. */
export interface RequestFinishedSample extends Omit<
  EngineEventMap["inference:request-finished"],
  "requestId" | keyof EngineLabels
> {
  /** Prompt tokens whose keys and values were found in a cache. [0] */
  readonly cachedPromptTokenCount?: number;
}

/** The engine made a step. */
export type StepFinishedSample = Omit<EngineEventMap["inference:step-finished"], keyof EngineLabels>;

/** The engine process ended though it should not have; what ran in it reported no end. */
export interface EngineCrashedSample {
  /** Requests that failed with it. */
  readonly failedRequestCount: number;
}

/** Counts since the engine started; a smaller count than before means that it started again. */
export interface EngineStatsSample extends Omit<EngineStats, "lastStepMs" | "lastStepAtMs"> {
  readonly preemptionCount?: number;
  /** Prompt tokens that were looked up in the prefix cache, and those that were found. */
  readonly prefixCacheQueriedTokenCount?: number;
  readonly prefixCacheHitTokenCount?: number;
}

/** How the KV cache is laid out; given once the engine has started. */
export interface CacheConfigSample {
  readonly blockTokens: number;
  readonly blockCount: number;
  /** Such as `f32`. */
  readonly dtype: string;
  readonly sizeBytes: number;
  readonly hasPrefixCache: boolean;
}
