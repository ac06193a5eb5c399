/** The memory of one body, from its first byte to the end of its request. */
export interface BodyShare {
  /** `false`, and no change, if there is not enough left. */
  grow(sizeBytes: number): boolean;
  /** The body is complete: releases what it does not need; its sender is not late any more. */
  settle(sizeBytes: number): void;
  release(): void;
}

export interface BodyBudgetOptions {
  readonly totalBytes: number;
  /** How long a body may wait for memory, and how long an incomplete one may make others wait. [10000] */
  readonly patienceMs?: number;
}

/**
 * The memory of all bodies. Large ones wait for theirs, first come, first served; a part is reserved for small ones, so
 * that many large bodies do not delay them.
 */
export interface BodyBudget {
  readonly usedBytes: number;
  /** An empty share, for a small body. */
  open(): BodyShare;
  /**
   * Waits for memory. `onLate` is called if the body does not arrive in time while others wait for memory.
   * Resolves with `undefined` if there was none in time; rejects with the signal's reason.
   */
  take(request: {
    readonly sizeBytes: number;
    readonly signal: AbortSignal;
    readonly onLate: () => void;
  }): Promise<BodyShare | undefined>;
}

/** Of the total; the rest is reserved for small bodies. */
const largePart = 0.75;

interface Waiter {
  readonly sizeBytes: number;
  readonly resume: () => void;
}

interface Sender {
  readonly onLate: () => void;
  isLate: boolean;
}

/** Creates an unused budget. */
export function createBodyBudget({ totalBytes, patienceMs = 10_000 }: BodyBudgetOptions): BodyBudget {
  const largeBytes = Math.floor(totalBytes * largePart);
  const waiters: Waiter[] = [];
  const senders = new Set<Sender>();
  let usedBytes = 0;
  let usedByLarge = 0;

  // A body larger than the budget is admitted alone.
  const fits = (sizeBytes: number): boolean =>
    usedByLarge === 0 || (usedByLarge + sizeBytes <= largeBytes && usedBytes + sizeBytes <= totalBytes);
  const dropLate = (): void => {
    if (waiters.length > 0) for (const { isLate, onLate } of senders) if (isLate) onLate();
  };
  const wake = (): void => {
    for (let next = waiters[0]; next !== undefined && fits(next.sizeBytes); next = waiters[0]) {
      waiters.shift();
      next.resume();
    }
  };
  const createShare = (isLarge: boolean, onSettle: () => void): BodyShare => {
    let heldBytes = 0;
    let isReleased = false;
    const add = (sizeBytes: number): void => {
      heldBytes += sizeBytes;
      usedBytes += sizeBytes;
      if (isLarge) usedByLarge += sizeBytes;
    };
    return {
      grow(moreBytes) {
        if (isReleased || (!isLarge && usedBytes + moreBytes > totalBytes)) return false;
        add(moreBytes);
        return true;
      },
      settle(sizeBytes) {
        onSettle();
        if (isReleased || sizeBytes >= heldBytes) return;
        add(sizeBytes - heldBytes);
        wake();
      },
      release() {
        if (isReleased) return;
        onSettle();
        add(-heldBytes);
        isReleased = true;
        wake();
      },
    };
  };
  const createLargeShare = (sizeBytes: number, onLate: () => void): BodyShare => {
    const timer = setTimeout(() => {
      sender.isLate = true;
      dropLate();
    }, patienceMs);
    const sender: Sender = { onLate, isLate: false };
    senders.add(sender);
    const share = createShare(true, () => {
      clearTimeout(timer);
      senders.delete(sender);
    });
    share.grow(sizeBytes);
    return share;
  };

  return {
    get usedBytes() {
      return usedBytes;
    },
    open: () => createShare(false, () => undefined),
    async take({ sizeBytes, signal, onLate }) {
      signal.throwIfAborted();
      if (waiters.length === 0 && fits(sizeBytes)) return createLargeShare(sizeBytes, onLate);
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
          const index = waiters.indexOf(waiter);
          if (index >= 0) waiters.splice(index, 1);
        };
        const onAbort = (): void => {
          leave();
          wake();
          reject(signal.reason as Error);
        };
        const waiter: Waiter = {
          sizeBytes,
          resume: () => {
            leave();
            resolve(createLargeShare(sizeBytes, onLate));
          },
        };
        const timer = setTimeout(() => {
          leave();
          wake();
          resolve(undefined);
        }, patienceMs);
        signal.addEventListener("abort", onAbort, { once: true });
        waiters.push(waiter);
        dropLate();
      });
    },
  };
}
