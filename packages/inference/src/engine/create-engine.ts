import { ActiveRequest } from "../requests/active-request.ts";
import { announceService } from "./register-service.ts";
import type { InferenceEngine } from "./engine.ts";
import { InferenceError, QueueFullError } from "../errors.ts";
import { createPublisher } from "./create-publisher.ts";
import type { GeneratedSequence } from "../requests/generated-sequence.ts";
import { GenerationStream } from "../requests/generation-stream.ts";
import { createKvCache } from "../kv/create-kv-cache.ts";
import { makeSequences } from "../requests/create-sequences.ts";
import type { DiscoveryPort, HealthPort, MemoryPort } from "../ports.ts";
import { createProgressCheck } from "./progress-check.ts";
import type { GenerationRequest, TokenStream } from "../requests/request.ts";
import { createRequestTable } from "../requests/request-table.ts";
import { retryAfterMs } from "./estimate-retry-after.ts";
import { type EngineOptions, resolveEngineOptions } from "./resolve-engine-options.ts";
import { type ResolvedRequest, resolveGenerationRequest } from "../requests/resolve-generation-request.ts";
import { createSampler } from "../sampling/sampler.ts";
import { createScheduler } from "../schedule/scheduler.ts";
import { createStepLoop } from "./step-loop.ts";

/** The platform's timers take longer times for none at all. */
const longestTimerMs = 0x7fffffff;

/**
 * Makes an engine that answers requests in one continuous batch: they join and leave at every step.
 *
 * @throws InferenceError `INVALID_ENGINE_OPTIONS`
 */
export function createEngine<
  Memory extends MemoryPort,
  Health extends HealthPort | undefined = undefined,
  Discovery extends DiscoveryPort | undefined = undefined,
>(options: EngineOptions<Memory, Health, Discovery>): InferenceEngine<Memory, Health, Discovery> {
  const resolved = resolveEngineOptions(options);
  const { executor, clock, events, limits, model } = resolved;
  const publish = createPublisher(events, { model, engine: resolved.engineId });
  const kvCache = createKvCache(executor.kvStorage);
  const scheduler = createScheduler<GeneratedSequence>(kvCache, {
    ...limits,
    maxLogitRows: executor.maxLogitRows,
  });
  const table = createRequestTable({ scheduler, clock, publish });
  const sampler = createSampler({
    vocabSize: executor.vocabSize,
    choosableCount: resolved.vocabSize,
    memory: resolved.memory,
    model,
  });
  const loop = createStepLoop({ options: resolved, kvCache, scheduler, table, sampler, publish });
  let isDraining = false;
  let disposal: Promise<void> | undefined;
  let requestCount = 0;
  let workSinceMs = clock.now();

  const announcement =
    resolved.discovery !== undefined && resolved.service !== undefined
      ? announceService(resolved.discovery, resolved.service, (reason) =>
          publish("inference:registration-failed", { serviceId: resolved.service?.id ?? "", reason }),
        )
      : undefined;
  const removeCheck = resolved.health?.addCheck(
    createProgressCheck({
      progress: () => ({
        hasWork: table.activeCount > 0,
        lastProgressAtMs: Math.max(loop.counters.lastStepAtMs ?? workSinceMs, workSinceMs),
        lastFailure: loop.counters.lastFailure,
        registrationFailure: announcement?.failure,
      }),
      now: () => clock.now(),
      stallAfterMs: limits.stallAfterMs,
    }),
  );

  const assertQueueHasRoom = (request: ResolvedRequest): void => {
    const refuse = (resource: "requests" | "tokens", limit: number, wanted: number): never => {
      const { meanServiceMs, lastServedAtMs = workSinceMs } = table;
      const { waitingCount, runningCount } = scheduler;
      throw new QueueFullError({
        resource,
        limit,
        wanted,
        retryAfterMs: retryAfterMs({
          waitingCount,
          placeCount: Math.min(limits.maxRunningSequences, runningCount + waitingCount),
          meanServiceMs,
          quietMs: clock.now() - Math.max(workSinceMs, lastServedAtMs),
        }),
      });
    };
    const freePlaces = Math.max(0, limits.maxRunningSequences - scheduler.runningCount);
    const requests = table.waitingCount + 1 - freePlaces;
    if (requests > limits.maxQueuedRequests) refuse("requests", limits.maxQueuedRequests, requests);
    const tokens = scheduler.waitingTokenCount + request.promptTokenIds.length * request.n;
    if (table.waitingCount > 0 && tokens > limits.maxQueuedTokens) {
      refuse("tokens", limits.maxQueuedTokens, tokens);
    }
  };

  const start = (request: ActiveRequest, signal: AbortSignal | undefined): void => {
    if (table.activeCount === 0) workSinceMs = clock.now();
    table.add(request);
    if (signal !== undefined) {
      const onAbort = (): void => table.end(request, { kind: "aborted", reason: signal.reason });
      signal.addEventListener("abort", onAbort, { once: true });
      request.unlisten = () => signal.removeEventListener("abort", onAbort);
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
    const wanted = resolveGenerationRequest(request, resolved);
    const id = wanted.id ?? `request-${(requestCount += 1)}`;
    if (wanted.signal?.aborted === true) {
      const stream = new GenerationStream(id, () => {});
      stream.end({ kind: "aborted", reason: wanted.signal.reason });
      return stream;
    }
    assertQueueHasRoom(wanted);
    const active: ActiveRequest = new ActiveRequest({
      promptTokenCount: wanted.promptTokenIds.length,
      maxTokens: wanted.stopping.maxTokens,
      logprobs: wanted.logprobs,
      promptLogprobs: wanted.promptLogprobs,
      sequences: makeSequences(wanted, resolved),
      stream: new GenerationStream(
        id,
        (reason) => table.end(active, { kind: "aborted", reason }),
        1 + Math.max(wanted.logprobs ?? 0, wanted.promptLogprobs ?? 0),
      ),
      queuedAtMs: clock.now(),
    });
    start(active, wanted.signal);
    return active.stream;
  };

  const drain = async ({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<void> => {
    isDraining = true;
    const timer =
      timeoutMs === undefined || timeoutMs > longestTimerMs
        ? undefined
        : setTimeout(() => {
            const message = `running requests had ${timeoutMs} ms to finish before the engine stops; this one had not`;
            table.endAll({ kind: "failed", reason: new InferenceError("ENGINE_DRAINING", message) });
          }, timeoutMs);
    try {
      await table.whenIdle();
    } finally {
      clearTimeout(timer);
    }
  };

  const stop = async (): Promise<void> => {
    const reason = new InferenceError(
      "ENGINE_DISPOSED",
      "the engine was disposed before the answer was whole",
    );
    table.endAll({ kind: "failed", reason });
    removeCheck?.();
    await loop.whenAsleep();
    sampler.dispose();
    try {
      await announcement?.withdraw();
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
      const { stepCount, promptTokenCount, generatedTokenCount, lastStepMs, lastStepAtMs } = loop.counters;
      return {
        stepCount,
        runningSequenceCount: scheduler.runningCount,
        waitingRequestCount: table.waitingCount,
        waitingTokenCount: scheduler.waitingTokenCount,
        kvCacheUsage: kvCache.usage(),
        promptTokenCount,
        generatedTokenCount,
        lastStepMs,
        lastStepAtMs,
      };
    },
    drain,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

function assertServing(isDisposed: boolean, isDraining: boolean): void {
  if (isDisposed) {
    throw new InferenceError("ENGINE_DISPOSED", "a running engine was wanted; found one that was disposed");
  }
  if (isDraining) {
    throw new InferenceError("ENGINE_DRAINING", "the engine takes no new requests: it is draining");
  }
}
