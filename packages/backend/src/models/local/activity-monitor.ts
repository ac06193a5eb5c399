const tickCount = 10;

/** Waits for signs of life. */
export interface Watchdog {
  /** A sign of life: the wait begins anew. */
  feed(): void;
  stop(): void;
}

/**
 * Calls back once when there was no sign of life for `limitMs`, at most a tenth later. Only time in which this
 * process runs counts: after a sleep of the machine, or a stop by SIGSTOP, one late tick is still one tick.
 */
export function startWatchdog(limitMs: number, onExpired: () => void): Watchdog {
  let missedCount = 0;
  const timer = setInterval(() => {
    missedCount += 1;
    if (missedCount <= tickCount) return;
    clearInterval(timer);
    onExpired();
  }, limitMs / tickCount);
  return {
    feed: () => {
      missedCount = 0;
    },
    stop: () => clearInterval(timer),
  };
}
