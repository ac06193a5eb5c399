import type { GenerationRequest, TokenStream } from "../requests/request.ts";
import type { ClockPort, DiscoveryPort, HealthPort, MemoryPort } from "../ports.ts";

/** Counts since the start and current sizes: plain data, read in constant time. */
export interface EngineStats {
  readonly stepCount: number;
  /** Steps that were begun while the one before them ran; 0 where the executor does not run ahead. */
  readonly aheadStepCount: number;
  /** Steps that could not, as a row of the one before them is sampled by the host, or changed by a penalty or a mask. */
  readonly hostHeldStepCount: number;
  /** Steps that could not, as a sequence finds no room in the KV cache. */
  readonly memoryHeldStepCount: number;
  /** Steps that were not, as a sequence had proposals or was likely to have some. */
  readonly proposalHeldStepCount: number;
  readonly runningSequenceCount: number;
  readonly waitingRequestCount: number;
  readonly waitingTokenCount: number;
  readonly kvCacheUsage: number;
  /** Prompt tokens that were computed, and those of preempted sequences that were computed again. */
  readonly promptTokenCount: number;
  readonly generatedTokenCount: number;
  /** How often tokens of a sequence were proposed, how many, and how many of those the model confirmed. */
  readonly proposalCount: number;
  readonly proposedTokenCount: number;
  readonly confirmedTokenCount: number;
  readonly preemptionCount: number;
  /** Prompt tokens looked up in the prefix cache, where the KV cache has one, and tokens found there. */
  readonly prefixCacheQueriedTokenCount: number;
  readonly prefixCacheHitTokenCount: number;
  readonly lastStepMs: number;
  /** Clock time of the last finished step; `undefined` before the first. */
  readonly lastStepAtMs: number | undefined;
}

/** Serves requests in one continuous batch. */
export interface InferenceEngine<
  Memory extends MemoryPort = MemoryPort,
  Health extends HealthPort | undefined = HealthPort | undefined,
  Discovery extends DiscoveryPort | undefined = DiscoveryPort | undefined,
> extends AsyncDisposable {
  readonly ports: {
    readonly memory: Memory;
    readonly health: Health;
    readonly discovery: Discovery;
    readonly clock: ClockPort;
  };
  readonly contextTokens: number;
  /**
   * Queues a request and returns the stream of its tokens.
   * @throws InferenceError `CONTEXT_LENGTH_EXCEEDED`, `QUEUE_FULL`, `INVALID_REQUEST`, `ENGINE_DRAINING`, `ENGINE_DISPOSED`
   */
  generate(request: GenerationRequest): TokenStream;
  stats(): EngineStats;
  /** Takes no new requests; resolves when all have finished, or fails the rest with `ENGINE_DRAINING` after the timeout. */
  drain(options?: { readonly timeoutMs?: number }): Promise<void>;
  dispose(): Promise<void>;
}
