const shortestMs = 1000;
const longestMs = 60_000;

/** The length of a queue and the rate at which it was served. */
export interface QueueRate {
  /** Sequences in the queue. */
  readonly waitingCount: number;
  /** Sequences that run at the same time. */
  readonly runningCount: number;
  /** How long recent requests ran; `undefined` before one finished. */
  readonly meanServiceMs: number | undefined;
  /** Since a request finished, or since there is work. */
  readonly sinceFinishMs: number;
}

/**
 * Estimates when a caller that a full queue refuses should retry: the queue's time at the recent rate, from 1 to
 * 60 seconds. Sequences leave at `runningCount / serviceMs` (Little's law); where none has finished for longer
 * than the recent mean, the running ones take at least as long.
 */
export function estimateRetryAfterMs(rate: QueueRate): number {
  const serviceMs = Math.max(rate.meanServiceMs ?? 0, rate.sinceFinishMs);
  const waitMs = ((rate.waitingCount + 1) * serviceMs) / Math.max(1, rate.runningCount);
  return Math.ceil(Math.min(Math.max(waitMs, shortestMs), longestMs));
}
