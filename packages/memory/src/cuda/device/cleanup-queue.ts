/** Runs cleanups; retries later those that fail, and keeps the failures to be thrown. */
export interface CleanupQueue {
  readonly isEmpty: boolean;
  /** Runs a cleanup now; keeps it for `retry` when it throws. */
  run(cleanup: () => void): void;
  /** Runs an action; a failure is kept but not retried. */
  attempt(action: () => void): void;
  /** Runs again the cleanups that failed. */
  retry(): void;
  /** Throws the first failure since the last call. */
  throwFailure(): void;
}

export function createCleanupQueue(): CleanupQueue {
  let failed: (() => void)[] = [];
  let failures: unknown[] = [];

  const run = (cleanup: () => void): void => {
    try {
      cleanup();
    } catch (error) {
      failed.push(cleanup);
      failures.push(error);
    }
  };
  return {
    get isEmpty() {
      return failed.length === 0;
    },
    run,
    attempt(action) {
      try {
        action();
      } catch (error) {
        failures.push(error);
      }
    },
    retry() {
      if (failed.length === 0) return;
      const again = failed;
      failed = [];
      for (const cleanup of again) run(cleanup);
    },
    throwFailure() {
      if (failures.length === 0) return;
      const [first] = failures;
      failures = [];
      throw first;
    },
  };
}
