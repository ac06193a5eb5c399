const shortestMs = 1000;
const longestMs = 60_000;

/** What an engine knows of its own speed. */
export interface ServiceSpeed {
  /** Sequences of which nothing has run. */
  readonly waitingCount: number;
  /** Sequences that run at the same time. */
  readonly placeCount: number;
  /** How long requests ran of late; `undefined` before one ended. */
  readonly meanServiceMs: number | undefined;
  /** Since a request that ran ended, or since there is work. */
  readonly quietMs: number;
}

/**
 * Says when a caller that a full queue refuses should come back: when those who wait have been served at the
 * speed of late, from 1 to 60 seconds. They leave at `placeCount / serviceMs` (Little's law); where none has
 * ended for longer than they took of late, those that run take at least as long.
 */
export function retryAfterMs({ waitingCount, placeCount, meanServiceMs, quietMs }: ServiceSpeed): number {
  const serviceMs = Math.max(meanServiceMs ?? 0, quietMs);
  const waitMs = ((waitingCount + 1) * serviceMs) / Math.max(1, placeCount);
  return Math.ceil(Math.min(Math.max(waitMs, shortestMs), longestMs));
}
