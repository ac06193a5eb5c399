/** A value that changes, with its subscribers. */
export interface LatestSource<Value> {
  /** Returns the current value; `undefined` while there is none yet. */
  read(): Value | undefined;
  /** Calls back on each change; returns the unsubscribe function. */
  subscribe(listener: { changed(): void; ended(): void }): () => void;
}

/**
 * Creates an iterable that yields the current value first, then the latest after each change: changes while the
 * consumer is busy are coalesced. Ends when the signal aborts or the source ends. Each iteration subscribes on its
 * own, at the first `next`.
 */
export function iterateLatest<Value>(
  source: LatestSource<Value>,
  signal?: AbortSignal,
): AsyncIterable<Value> {
  return { [Symbol.asyncIterator]: () => createLatestIterator(source, signal) };
}

type State = "new" | "open" | "ended";

function createLatestIterator<Value>(
  source: LatestSource<Value>,
  signal?: AbortSignal,
): AsyncIterator<Value> {
  const waiting: ((result: IteratorResult<Value>) => void)[] = [];
  let state: State = "new";
  let isStale = true;
  let unsubscribe: (() => void) | undefined;
  const done: IteratorResult<Value> = { done: true, value: undefined };

  function changed(): void {
    isStale = true;
    const value = source.read();
    if (value === undefined) return;
    const waiter = waiting.shift();
    if (waiter === undefined) return;
    isStale = false;
    waiter({ done: false, value });
  }

  function ended(): void {
    state = "ended";
    signal?.removeEventListener("abort", ended);
    unsubscribe?.();
    for (const waiter of waiting.splice(0)) waiter(done);
  }

  function open(): void {
    if (signal?.aborted === true) {
      state = "ended";
      return;
    }
    unsubscribe = source.subscribe({ changed, ended });
    signal?.addEventListener("abort", ended);
    state = "open";
  }

  return {
    async next() {
      if (state === "new") open();
      if (state === "ended") return done;
      const value = isStale ? source.read() : undefined;
      if (value !== undefined) {
        isStale = false;
        return { done: false, value };
      }
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    async return() {
      ended();
      return done;
    },
  };
}
