/** How many retries there may be. */
export interface RetryLimits {
  /** For each request, from 0 to 1. */
  readonly retryShare: number;
  /** At once. */
  readonly retryBurst: number;
}

/** Limits retries to a share of the requests, so that backends that fail do not get many times the load. */
export interface RetryBudget {
  /** Counts a request. */
  onRequest(): void;
  /** `false`: there is none left. */
  take(): boolean;
}

/** Creates a full budget. The limits are read each time. */
export function createRetryBudget(limits: () => RetryLimits): RetryBudget {
  let left = Infinity;
  return {
    onRequest() {
      const { retryShare, retryBurst } = limits();
      left = Math.min(retryBurst, left + retryShare);
    },
    take() {
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
