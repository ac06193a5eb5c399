import { ApiError } from "../../api/shared/api-error.ts";
import type { RouterClock } from "./router-options.ts";

/** Limits of a queue. */
export interface WaitLimits {
  readonly maxQueued: number;
  readonly timeoutMs: number;
}

/** One that waits. */
export interface Waiting<Value> {
  /** Tries to get what is waited for; `undefined` if there is none now. What it throws ends the wait. */
  readonly attempt: () => Value | undefined;
  readonly signal: AbortSignal;
  /** What the wait ends with after its time. */
  readonly onTimeout: () => Error;
}

/** Requests that wait for a backend, the first first. */
export interface WaitQueue<Value> {
  readonly length: number;
  /** @throws ApiError `queue_full`; what `attempt` throws, what `onTimeout` returns; the signal's reason */
  wait(waiting: Waiting<Value>, limits: WaitLimits): Promise<Value>;
  /** Lets all try again, soon and in order. */
  wake(): void;
}

interface Waiter {
  /** Returns whether the wait is over. */
  try(): boolean;
}

/** Creates an empty queue. */
export function createWaitQueue<Value>(clock: RouterClock): WaitQueue<Value> {
  const waiters = new Set<Waiter>();
  let isWaking = false;

  const tryAll = (): void => {
    isWaking = false;
    for (const waiter of waiters) if (waiter.try()) waiters.delete(waiter);
  };

  const wait = async ({ attempt, signal, onTimeout }: Waiting<Value>, limits: WaitLimits): Promise<Value> => {
    if (waiters.size >= limits.maxQueued) {
      const message = `The gateway's queue is full: ${waiters.size} requests wait for a backend`;
      throw new ApiError("queue_full", message, { retryAfterMs: 1000 });
    }
    return new Promise<Value>((resolve, reject) => {
      const waiter: Waiter = {
        try: () => {
          try {
            const value = attempt();
            if (value === undefined) return false;
            free();
            resolve(value);
          } catch (error) {
            free();
            reject(error);
          }
          return true;
        },
      };
      const stop = (reason: Error): void => {
        waiters.delete(waiter);
        free();
        reject(reason);
      };
      const onAbort = (): void => stop(signal.reason as Error);
      const cancelTimer = clock.after(limits.timeoutMs, () => stop(onTimeout()));
      const free = (): void => {
        cancelTimer();
        signal.removeEventListener("abort", onAbort);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiters.add(waiter);
    });
  };

  return {
    get length() {
      return waiters.size;
    },
    wait,
    wake() {
      if (isWaking || waiters.size === 0) return;
      isWaking = true;
      // Many requests may end at once.
      queueMicrotask(tryAll);
    },
  };
}
