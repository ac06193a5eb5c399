/** Memory that one body has of the budget, from its first byte until its request is over. */
export interface BodyShare {
  /** `false` and no change when there is not as much left. */
  grow(sizeBytes: number): boolean;
  /** The body is complete: gives back what it does not need, and its sender can be late no more. */
  settle(sizeBytes: number): void;
  release(): void;
}

export interface BodyBudgetOptions {
  readonly totalBytes: number;
  /** How long a body may wait for room, and how long one may keep others waiting for it. [10000] */
  readonly patienceMs?: number;
}

/**
 * The memory of all bodies together. Large ones wait for theirs, first come, first served; a part of it is left to
 * small ones, so that a flood of large bodies changes nothing for them.
 */
export interface BodyBudget {
  readonly usedBytes: number;
  /** A share of nothing yet, for a small body. */
  open(): BodyShare;
  /**
   * Waits for room. `onLate` is called when the body has not come in time and others wait for its room.
   * Resolves with `undefined` when there was none in time; rejects with the signal's reason.
   */
  take(request: {
    readonly sizeBytes: number;
    readonly signal: AbortSignal;
    readonly onLate: () => void;
  }): Promise<BodyShare | undefined>;
}

/** Of the whole; large bodies leave the rest. */
const largePart = 0.75;

interface Waiter {
  readonly sizeBytes: number;
  readonly resume: () => void;
}

interface Sender {
  readonly onLate: () => void;
  isLate: boolean;
}

/** Creates a budget that is all free. */
export function createBodyBudget({ totalBytes, patienceMs = 10_000 }: BodyBudgetOptions): BodyBudget {
  const largeBytes = Math.floor(totalBytes * largePart);
  const waiters: Waiter[] = [];
  const senders = new Set<Sender>();
  let usedBytes = 0;
  let usedByLarge = 0;

  // One that is larger than the whole budget may come when it is alone.
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
