/** Monotonic time in milliseconds. */
export interface HealthClock {
  now(): number;
}

/** The platform's monotonic clock; the default wherever a clock is injected. */
export const monotonicClock: HealthClock = { now: () => performance.now() };

/** Formats a duration in whole milliseconds with thousands separators. */
export function formatMs(durationMs: number): string {
  return `${Math.round(durationMs).toLocaleString("en-US")} ms`;
}
