/**
 * What inference metrics are fed with: the payloads of an engine's events and its statistics, declared
 * here as far as they are read. Those of `@infernode/inference` fit.
 */
export interface RequestQueuedSample {
  /** Answers wanted to one prompt. */
  readonly n: number;
  /** The limit that the client gave; absent when it gave none. */
  readonly maxTokens?: number | undefined;
}

/** A request left the queue. */
export interface RequestScheduledSample {
  readonly queuedMs: number;
}

/** A request has its first token. */
export interface FirstTokenSample {
  readonly timeToFirstTokenMs: number;
}

/** A request ended, however it did. */
export interface RequestFinishedSample {
  readonly finishReason: "stop" | "length" | "abort" | "error";
  readonly promptTokenCount: number;
  /** Of all answers to the request together. */
  readonly generatedTokenCount: number;
  readonly queuedMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly totalMs: number;
  /** Of the answer with the most tokens, where several were generated side by side. [generatedTokenCount] */
  readonly longestAnswerTokenCount?: number;
  /** Prompt tokens whose keys and values were found in a cache. [0] */
  readonly cachedPromptTokenCount?: number;
}

/** The process of the engine ended though it should not have; what ran in it told no end. */
export interface EngineCrashedSample {
  /** Requests that failed with it. */
  readonly failedRequestCount: number;
}

/** The engine made a step. */
export interface StepFinishedSample {
  readonly stepMs: number;
  readonly prefillTokenCount: number;
  readonly decodeTokenCount: number;
  readonly runningSequenceCount: number;
  readonly waitingRequestCount: number;
  /** Used blocks ÷ all blocks, in [0, 1]. */
  readonly kvCacheUsage: number;
}

/** Counts since the engine started; a smaller count than before means that it started anew. */
export interface EngineStatsSample {
  readonly stepCount: number;
  readonly runningSequenceCount: number;
  readonly waitingRequestCount: number;
  readonly waitingTokenCount: number;
  readonly kvCacheUsage: number;
  readonly promptTokenCount: number;
  readonly generatedTokenCount: number;
  readonly preemptionCount?: number;
  /** Prompt tokens that were looked up in the prefix cache, and those that were found. */
  readonly prefixCacheQueriedTokenCount?: number;
  readonly prefixCacheHitTokenCount?: number;
}

/** How the KV cache is laid out; told once the engine has started. */
export interface CacheConfigSample {
  readonly blockTokens: number;
  readonly blockCount: number;
  /** Such as `f32`. */
  readonly dtype: string;
  readonly sizeBytes: number;
  readonly hasPrefixCache: boolean;
}
