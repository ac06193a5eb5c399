import type { ClockPort } from "../ports.ts";

/** The platform's monotonic clock. */
export const systemClock: ClockPort = { now: () => performance.now() };
