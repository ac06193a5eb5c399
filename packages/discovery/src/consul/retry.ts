import type { DiscoveryClock } from "../clock.ts";

/** Delays between attempts. */
export interface RetryDelays {
  readonly minMs: number;
  readonly maxMs: number;
  readonly random: () => number;
}

/**
 * How long to wait after so many failures in a row, from 1: doubled each time, at most `maxMs`, and between half of
 * that and all of it at random, so that the clients of a registry that comes back do not ask at the same moment.
 */
export function retryDelayMs(failureCount: number, { minMs, maxMs, random }: RetryDelays): number {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(failureCount - 1, 30));
  return full / 2 + (full / 2) * random();
}

/** A sleep that can be cut short, also before it begins. */
export interface Sleeper {
  /** Resolves after a time, or at once if `wake` was called since the last sleep. */
  sleep(ms: number): Promise<void>;
  wake(): void;
}

/** Creates a sleeper. */
export function createSleeper(clock: DiscoveryClock): Sleeper {
  let controller = new AbortController();
  return {
    async sleep(ms) {
      if (!controller.signal.aborted) await clock.sleep(ms, controller.signal);
      // Also frees the timer of a sleep that another clock left behind.
      controller.abort();
      controller = new AbortController();
    },
    wake: () => controller.abort(),
  };
}
