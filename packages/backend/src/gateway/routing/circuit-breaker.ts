/** When a circuit breaker opens, and for how long. Read each time. */
export interface CircuitBreakerOptions {
  /** Failures one after the other that open it. */
  readonly failureCount: number;
  /** How long it stays open the first time; twice as long after each probe that fails. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly now: () => number;
}

/** `half-open`: one request is let through as a probe, which decides. */
export type CircuitState = "closed" | "open" | "half-open";

/** A request that was let through. The first end counts; the others have no effect. */
export interface CircuitPass {
  /** An answer has begun: if this is a probe, others are let through again. It may still fail. */
  begin(): void;
  succeed(): void;
  fail(): void;
  /** Ends without a result: the client went away. */
  abandon(): void;
}

/** Keeps requests from a backend that fails. */
export interface CircuitBreaker {
  readonly state: CircuitState;
  /** When the next request may be let through as a probe; `undefined` while it is closed. */
  readonly retryAtMs: number | undefined;
  /** Whether `enter` returns a pass. */
  readonly isPassable: boolean;
  /** `undefined` while it is open. */
  enter(): CircuitPass | undefined;
}

/**
 * Creates a closed breaker. Results of requests that it let through before it last opened do not count. Where a probe
 * has no result in time, another one follows.
 */
export function createCircuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const { now } = options;
  let failures = 0;
  let openedTimes = 0;
  let retryAtMs: number | undefined;
  let isProbing = false;
  /** Counts openings and closings: passes of an earlier one are over. */
  let era = 0;

  const waitMs = (times: number): number => Math.min(options.openMs * 2 ** times, options.maxOpenMs);
  const isPassable = (): boolean => retryAtMs === undefined || now() >= retryAtMs;
  const open = (): void => {
    retryAtMs = now() + waitMs(openedTimes);
    openedTimes += 1;
    isProbing = false;
    era += 1;
  };
  const close = (): void => {
    if (retryAtMs !== undefined) era += 1;
    retryAtMs = undefined;
    openedTimes = 0;
    failures = 0;
    isProbing = false;
  };
  const createPass = (): CircuitPass => {
    let own = era;
    let isOver = false;
    const once = (act: () => void) => (): void => {
      if (isOver || own !== era) return;
      isOver = true;
      act();
    };
    return {
      begin: () => {
        if (isOver || own !== era || retryAtMs === undefined) return;
        close();
        own = era;
      },
      succeed: once(close),
      fail: once(() => {
        failures += 1;
        if (retryAtMs !== undefined || failures >= options.failureCount) open();
      }),
      abandon: once(() => {
        if (retryAtMs === undefined) return;
        retryAtMs = now();
        isProbing = false;
      }),
    };
  };

  return {
    get state() {
      if (retryAtMs === undefined) return "closed";
      return isProbing || isPassable() ? "half-open" : "open";
    },
    get retryAtMs() {
      return retryAtMs;
    },
    get isPassable() {
      return isPassable();
    },
    enter() {
      if (!isPassable()) return undefined;
      if (retryAtMs !== undefined) {
        isProbing = true;
        retryAtMs = now() + waitMs(openedTimes);
      }
      return createPass();
    },
  };
}
