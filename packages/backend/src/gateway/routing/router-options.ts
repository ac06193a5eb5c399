import type { PolicyName, RoutingRule } from "../../config/routing-rule.ts";

/** How requests are routed; may be changed while the gateway runs. */
export interface RoutingSettings {
  readonly policy: PolicyName;
  readonly rules: readonly RoutingRule[];
  /** With `prefix-aware`, a backend gets no more than its share of the requests in flight, times this. */
  readonly prefixLoadFactor: number;
  /** Requests in flight to a model of a backend. */
  readonly maxInFlight: number;
  /** Requests that wait for a backend. */
  readonly maxQueued: number;
  /** How long a request waits for a backend. */
  readonly queueTimeoutMs: number;
  /** Failures one after the other after which a backend gets no requests for a model. */
  readonly circuitFailures: number;
  /** For how long the first time; then a request is let through as a probe. */
  readonly circuitOpenMs: number;
}

/** The time, and what happens later. */
export interface RouterClock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Calls back once, not before that time is over; returns a function that cancels that. */
  after(ms: number, act: () => void): () => void;
}

/** The clock of the system; its timers do not keep the process alive. */
export const systemRouterClock: RouterClock = {
  now: () => performance.now(),
  after: (ms, act) => {
    // A timer counts whole milliseconds, and may be early by a part of one.
    const timer = setTimeout(act, Math.ceil(ms) + 1).unref();
    return () => clearTimeout(timer);
  },
};
