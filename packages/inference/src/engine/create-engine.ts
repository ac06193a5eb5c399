import { ActiveRequest } from "../requests/active-request.ts";
import { registerService } from "./register-service.ts";
import type { InferenceEngine } from "./engine.ts";
import { InferenceError, QueueFullError, type QueueOverflow } from "../errors.ts";
import { createPublisher } from "./create-publisher.ts";
import type { GeneratedSequence } from "../requests/generated-sequence.ts";
import { GenerationStream } from "../requests/generation-stream.ts";
import { createSequences } from "../requests/create-sequences.ts";
import type { DiscoveryPort, HealthPort, MemoryPort } from "../ports.ts";
import { createProgressCheck } from "./progress-check.ts";
import type { GenerationRequest, TokenStream } from "../requests/request.ts";
import { createRequestTable } from "../requests/request-table.ts";
import { estimateRetryAfterMs } from "./estimate-retry-after.ts";
import { type EngineOptions, resolveEngineOptions } from "./resolve-engine-options.ts";
import { type ResolvedRequest, resolveGenerationRequest } from "../requests/resolve-generation-request.ts";
import { createSampler } from "../sampling/sampler.ts";
import { createScheduler } from "../schedule/scheduler.ts";
import { createStepLoop } from "./step-loop.ts";

/** The platform's timers fire at once for longer times. */
const longestTimerMs = 0x7fffffff;
/** Scopes of requests; those below are of adapters. */
const firstOwnScope = 2 ** 30;

/**
 * Creates an engine that serves requests in one continuous batch: sequences join and leave at every step.
 *
 * @throws InferenceError `INVALID_ENGINE_OPTIONS`
 */
export function createEngine<
  Memory extends MemoryPort,
  Health extends HealthPort | undefined = undefined,
  Discovery extends DiscoveryPort | undefined = undefined,
>(options: EngineOptions<Memory, Health, Discovery>): InferenceEngine<Memory, Health, Discovery> {
  const resolved = resolveEngineOptions(options);
  const { executor, kvCache, clock, events, limits, model } = resolved;
  const publish = createPublisher(events, { model, engine: resolved.engineId });
  const scheduler = createScheduler<GeneratedSequence>(kvCache, {
    ...limits,
    maxLogitRows: executor.maxLogitRows,
    maxSpeculatingSequences: resolved.speculation.maxSequences,
  });
  const table = createRequestTable({ scheduler, clock, publish });
  const sampler = createSampler({
    vocabSize: executor.vocabSize,
    tokenCount: resolved.vocabSize,
    memory: resolved.memory,
    model,
  });
  const loop = createStepLoop({ options: resolved, scheduler, table, sampler, publish });
  const { adapterStorage } = executor;
  const maxAdapters = adapterStorage?.maxAdapters ?? 0;
  const { tokenizer, eosTokenIds, random, speculation } = resolved;
  const shared = { tokenizer, eosTokenIds, random, speculation };
  let ownScopeCount = 0;
  /** One for each adapter that was loaded; a prompt that is computed for its logits has its own. */
  const cacheScopeOf = ({ adapter, promptLogprobs }: ResolvedRequest): number => {
    if (promptLogprobs === undefined) return adapterStorage?.loadIdAt(adapter) ?? 0;
    ownScopeCount = (ownScopeCount + 1) % firstOwnScope;
    return firstOwnScope + ownScopeCount;
  };
  let isDraining = false;
  let disposal: Promise<void> | undefined;
  let requestCount = 0;
  let workSinceMs = clock.now();

  const registration =
    resolved.discovery !== undefined && resolved.service !== undefined
      ? registerService(resolved.discovery, resolved.service, (reason) =>
          publish("inference:registration-failed", { serviceId: resolved.service?.id ?? "", reason }),
        )
      : undefined;
  const removeCheck = resolved.health?.addCheck(
    createProgressCheck({
      progress: () => ({
        hasWork: table.activeCount > 0,
        lastProgressAtMs: Math.max(loop.counters.lastStepAtMs ?? workSinceMs, workSinceMs),
        lastFailure: loop.counters.lastFailure,
        registrationFailure: registration?.failure,
      }),
      now: () => clock.now(),
      stallAfterMs: limits.stallAfterMs,
    }),
  );

  const assertQueueHasRoom = (request: ResolvedRequest): void => {
    const { maxQueuedRequests, maxQueuedTokens, maxRunningSequences } = limits;
    const { waitingCount, runningCount, waitingTokenCount } = scheduler;
    const refuse = (overflow: Omit<QueueOverflow, "retryAfterMs">): never => {
      const { meanServiceMs, lastServedAtMs = workSinceMs } = table;
      const retryAfterMs = estimateRetryAfterMs({
        waitingCount,
        runningCount: Math.min(maxRunningSequences, runningCount + waitingCount),
        meanServiceMs,
        sinceFinishMs: clock.now() - Math.max(workSinceMs, lastServedAtMs),
      });
      throw new QueueFullError({ ...overflow, retryAfterMs });
    };
    const requests = table.waitingCount + 1 - Math.max(0, maxRunningSequences - runningCount);
    if (requests > maxQueuedRequests) {
      refuse({ resource: "requests", limit: maxQueuedRequests, requested: requests });
    }
    const tokens = waitingTokenCount + request.promptTokenIds.length * request.n;
    if (table.waitingCount > 0 && tokens > maxQueuedTokens) {
      refuse({ resource: "tokens", limit: maxQueuedTokens, requested: tokens });
    }
  };

  const start = (request: ActiveRequest, signal: AbortSignal | undefined): void => {
    if (table.activeCount === 0) workSinceMs = clock.now();
    table.add(request);
    if (signal !== undefined) {
      const onAbort = (): void => table.end(request, { kind: "aborted", reason: signal.reason });
      signal.addEventListener("abort", onAbort, { once: true });
      request.removeAbortListener = () => signal.removeEventListener("abort", onAbort);
    }
    publish("inference:request-queued", {
      requestId: request.id,
      promptTokenCount: request.promptTokenCount,
      n: request.sequences.length,
      maxTokens: request.maxTokens,
    });
    loop.wake();
  };

  const generate = (request: GenerationRequest): TokenStream => {
    assertServing(disposal !== undefined, isDraining);
    const checked = resolveGenerationRequest(request, { ...resolved, maxAdapters });
    const id = checked.id ?? `request-${(requestCount += 1)}`;
    if (checked.signal?.aborted === true) {
      const stream = new GenerationStream(id, () => {});
      stream.end({ kind: "aborted", reason: checked.signal.reason });
      return stream;
    }
    assertQueueHasRoom(checked);
    const active: ActiveRequest = new ActiveRequest({
      promptTokenCount: checked.promptTokenIds.length,
      maxTokens: checked.stopping.maxTokens,
      logprobs: checked.logprobs,
      promptLogprobs: checked.promptLogprobs,
      isPredicted: checked.predictedTokenIds !== undefined,
      sequences: createSequences(checked, { ...shared, cacheScope: cacheScopeOf(checked) }),
      stream: new GenerationStream(id, (reason) => table.end(active, { kind: "aborted", reason }), {
        candidateCount: 1 + Math.max(checked.logprobs ?? 0, checked.promptLogprobs ?? 0),
        intervalTokens: limits.streamIntervalTokens,
      }),
      queuedAtMs: clock.now(),
    });
    start(active, checked.signal);
    return active.stream;
  };

  const drain = async ({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<void> => {
    isDraining = true;
    const timer =
      timeoutMs === undefined || timeoutMs > longestTimerMs
        ? undefined
        : setTimeout(() => {
            const message = `the engine stopped draining after ${timeoutMs} ms, before the request finished`;
            table.endAll({ kind: "failed", reason: new InferenceError("ENGINE_DRAINING", message) });
          }, timeoutMs);
    try {
      await table.whenIdle();
    } finally {
      clearTimeout(timer);
    }
  };

  const stop = async (): Promise<void> => {
    const message = "the engine was disposed before the request finished";
    const reason = new InferenceError("ENGINE_DISPOSED", message);
    table.endAll({ kind: "failed", reason });
    removeCheck?.();
    await loop.whenAsleep();
    sampler.dispose();
    try {
      await registration?.deregister();
    } finally {
      publish("inference:engine-stopped", { reason: "disposed" });
    }
  };
  const dispose = (): Promise<void> => (disposal ??= stop());

  publish("inference:engine-started", { executor: executor.name });
  return {
    ports: {
      memory: options.memory,
      health: options.health as Health,
      discovery: options.discovery as Discovery,
      clock,
    },
    contextTokens: resolved.contextTokens,
    generate,
    stats: () => {
      const { lastFailure: _, ...counters } = loop.counters;
      return {
        ...counters,
        runningSequenceCount: scheduler.runningCount,
        waitingRequestCount: table.waitingCount,
        waitingTokenCount: scheduler.waitingTokenCount,
        kvCacheUsage: kvCache.usage(),
        ...scheduler.counters,
      };
    },
    drain,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

function assertServing(isDisposed: boolean, isDraining: boolean): void {
  if (isDisposed) {
    throw new InferenceError("ENGINE_DISPOSED", { expected: "a running engine", got: "a disposed one" });
  }
  if (isDraining) {
    const expected = "an engine that takes requests";
    throw new InferenceError("ENGINE_DRAINING", { expected, got: "one that is draining" });
  }
}
