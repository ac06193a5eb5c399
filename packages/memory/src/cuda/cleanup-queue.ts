/** Cleanups that must not be lost when they fail: each is tried again later, and each failure is told. */
export interface CleanupQueue {
  readonly isEmpty: boolean;
  /** Runs a cleanup now; keeps it when it throws. */
  run(cleanup: () => void): void;
  /** Runs something once; a failure is told and not tried again. */
  attempt(action: () => void): void;
  /** Tries again what is kept. */
  retry(): void;
  /** Throws the first failure since the last time. */
  settle(): void;
}

export function createCleanupQueue(): CleanupQueue {
  let owed: (() => void)[] = [];
  let failures: unknown[] = [];

  const run = (cleanup: () => void): void => {
    try {
      cleanup();
    } catch (error) {
      owed.push(cleanup);
      failures.push(error);
    }
  };
  return {
    get isEmpty() {
      return owed.length === 0;
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
      if (owed.length === 0) return;
      const again = owed;
      owed = [];
      for (const cleanup of again) run(cleanup);
    },
    settle() {
      if (failures.length === 0) return;
      const [first] = failures;
      failures = [];
      throw first;
    },
  };
}
