export interface RetryBudgetOptions {
  /** Retries for each request, from 0 to 1. */
  readonly share: number;
  /** Retries that are possible at once. */
  readonly burst: number;
}

/** Limits retries to a share of the requests, so that backends that fail do not get many times the load. */
export interface RetryBudget {
  /** Counts a request. */
  onRequest(): void;
  /** `false`: there is none left. */
  take(): boolean;
}

/** Creates a full budget. */
export function createRetryBudget({ share, burst }: RetryBudgetOptions): RetryBudget {
  let left = burst;
  return {
    onRequest() {
      left = Math.min(burst, left + share);
    },
    take() {
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
