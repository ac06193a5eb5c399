import { setTimeout as delay } from "node:timers/promises";

/** The clock of everything that waits. */
export interface DiscoveryClock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Resolves after a time, or when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The clock of the system; its timers do not keep a process alive. */
export const systemClock: DiscoveryClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => undefined),
};
