import type { ActiveRequest } from "./active-request.ts";
import type { EngineFact } from "../events.ts";
import type { GeneratedSequence } from "./generated-sequence.ts";
import type { StreamEnding } from "./generation-stream.ts";
import type { ClockPort } from "../ports.ts";
import type { Scheduler } from "../schedule/scheduler.ts";

/** The requests that have not ended. */
export interface RequestTable {
  readonly activeCount: number;
  /** Requests in the queue. */
  readonly waitingCount: number;
  /** How long recent requests ran, from their first step to their end; `undefined` before one ended. */
  readonly meanServiceMs: number | undefined;
  /** When a request that was scheduled last ended; `undefined` before one did. */
  readonly lastServedAtMs: number | undefined;
  add(request: ActiveRequest): void;
  /** `undefined` once the request has ended. */
  ownerOf(sequence: GeneratedSequence): ActiveRequest | undefined;
  /** Records that a sequence of the request runs; the first time counts. */
  markScheduled(request: ActiveRequest): void;
  /** Ends a request for its caller at once, and for the scheduler once no forward pass uses it, but one that runs ahead. */
  end(request: ActiveRequest, ending: StreamEnding): void;
  endAll(ending: StreamEnding): void;
  /** Between these two, scheduled sequences stay in the scheduler and in the KV cache. */
  beginForward(): void;
  endForward(): void;
  /** Resolves when no request is active. */
  whenIdle(): Promise<void>;
}

export interface RequestTableOptions {
  readonly scheduler: Scheduler<GeneratedSequence>;
  readonly clock: ClockPort;
  readonly publish: (...fact: EngineFact) => void;
}

/** Weight of the last duration in the mean. */
const meanShare = 0.2;

/** Creates an empty table. */
export function createRequestTable({ scheduler, clock, publish }: RequestTableOptions): RequestTable {
  const active = new Set<ActiveRequest>();
  const owners = new Map<GeneratedSequence, ActiveRequest>();
  const leaving = new Set<ActiveRequest>();
  let idleWaiters: (() => void)[] = [];
  let waitingCount = 0;
  let isForwarding = false;
  let meanServiceMs: number | undefined;
  let lastServedAtMs: number | undefined;

  const detach = (request: ActiveRequest): void => {
    for (const sequence of request.sequences) {
      scheduler.remove(sequence);
      owners.delete(sequence);
    }
    active.delete(request);
    leaving.delete(request);
    const now = clock.now();
    const phases = request.phases(now);
    if (request.scheduledAtMs === undefined) {
      waitingCount -= 1;
    } else {
      lastServedAtMs = now;
      const serviceMs = phases.totalMs - phases.queuedMs;
      meanServiceMs = serviceMs * meanShare + (meanServiceMs ?? serviceMs) * (1 - meanShare);
    }
    publish("inference:request-finished", {
      requestId: request.id,
      finishReason: request.finishReason(),
      promptTokenCount: request.promptTokenCount,
      cachedPromptTokenCount: request.cachedPromptTokenCount,
      generatedTokenCount: request.generatedTokenCount,
      longestAnswerTokenCount: Math.max(...request.sequences.map(({ tokenCount }) => tokenCount)),
      ...phases,
    });
    if (active.size > 0) return;
    for (const resolve of idleWaiters) resolve();
    idleWaiters = [];
  };

  const end = (request: ActiveRequest, ending: StreamEnding): void => {
    if (request.ending !== undefined) return;
    request.ending = ending;
    request.removeAbortListener();
    // The executor uses nothing of a request that was never scheduled.
    if (isForwarding && request.scheduledAtMs !== undefined) leaving.add(request);
    else detach(request);
    request.stream.end(ending);
  };

  return {
    get activeCount() {
      return active.size;
    },
    get waitingCount() {
      return waitingCount;
    },
    get meanServiceMs() {
      return meanServiceMs;
    },
    get lastServedAtMs() {
      return lastServedAtMs;
    },
    add: (request) => {
      active.add(request);
      waitingCount += 1;
      for (const sequence of request.sequences) {
        owners.set(sequence, request);
        scheduler.add(sequence);
      }
    },
    ownerOf: (sequence) => owners.get(sequence),
    markScheduled: (request) => {
      if (request.scheduledAtMs !== undefined) return;
      request.scheduledAtMs = clock.now();
      request.cachedPromptTokenCount = request.sequences[0]?.cached?.tokenCount ?? 0;
      waitingCount -= 1;
      const queuedMs = request.scheduledAtMs - request.queuedAtMs;
      publish("inference:request-scheduled", { requestId: request.id, queuedMs });
    },
    end,
    endAll: (ending) => {
      for (const request of active) end(request, ending);
    },
    beginForward: () => {
      isForwarding = true;
    },
    endForward: () => {
      isForwarding = false;
      for (const request of leaving) detach(request);
    },
    whenIdle: () =>
      active.size === 0 ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve)),
  };
}
