/** Where watchers are told that there is something newer. */
export interface LatestSource<Value> {
  /** The value at this moment. */
  read(): Value;
  /** Calls back on each change; answers a function that stops it. */
  subscribe(listener: { changed(): void; ended(): void }): () => void;
}

/**
 * Makes an iterable that yields the present value first and then the latest after each change: what changed
 * while the consumer was busy is seen once. Ends with the signal or with the source. Each iteration watches
 * on its own; nothing is subscribed before the first `next`.
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
    const waiter = waiting.shift();
    if (waiter === undefined) return;
    isStale = false;
    waiter({ done: false, value: source.read() });
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
      if (isStale) {
        isStale = false;
        return { done: false, value: source.read() };
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
