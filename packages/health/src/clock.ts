/** Monotonic time in milliseconds. */
export interface HealthClock {
  now(): number;
}

/** Reads the platform's monotonic clock; the default wherever a clock is injected. */
export const monotonicClock: HealthClock = { now: () => performance.now() };

/** Writes a duration as people read it: whole milliseconds with thousands separated. */
export function formatMs(durationMs: number): string {
  return `${Math.round(durationMs).toLocaleString("en-US")} ms`;
}
