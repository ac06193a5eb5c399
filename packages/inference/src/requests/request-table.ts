import type { ActiveRequest } from "./active-request.ts";
import type { EngineFact } from "../events.ts";
import type { GeneratedSequence } from "./generated-sequence.ts";
import type { StreamEnding } from "./generation-stream.ts";
import type { ClockPort } from "../ports.ts";
import type { Scheduler } from "../schedule/scheduler.ts";

/** The requests that have not ended, and the way they end. */
export interface RequestTable {
  readonly activeCount: number;
  /** Requests of which nothing has run. */
  readonly waitingCount: number;
  /** How long requests ran of late, from their first step to their end; `undefined` before one ended. */
  readonly meanServiceMs: number | undefined;
  /** When a request that had run ended; `undefined` before one did. */
  readonly lastServedAtMs: number | undefined;
  add(request: ActiveRequest): void;
  /** `undefined` once the request has left. */
  ownerOf(sequence: GeneratedSequence): ActiveRequest | undefined;
  /** Tells the time at which a request's first sequence ran. */
  markScheduled(request: ActiveRequest): void;
  /** Ends a request for its caller at once, and for the scheduler as soon as no forward pass holds it. */
  end(request: ActiveRequest, ending: StreamEnding): void;
  endAll(ending: StreamEnding): void;
  /** Between these two, what has run stays in the scheduler and in the cache. */
  beginForward(): void;
  endForward(): void;
  /** Resolves when nothing is active. */
  whenIdle(): Promise<void>;
}

export interface RequestTableOptions {
  readonly scheduler: Scheduler<GeneratedSequence>;
  readonly clock: ClockPort;
  readonly publish: (...fact: EngineFact) => void;
}

/** Weight of the newest duration in the mean. */
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
    request.unlisten();
    // A request that never ran holds nothing that the executor could be using.
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
