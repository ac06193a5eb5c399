/** Callbacks without arguments. */
export interface Listeners {
  readonly subscribe: (listener: () => void) => () => void;
  readonly call: () => void;
}

/** Creates an empty set of callbacks. */
export function createListeners(): Listeners {
  const listeners = new Set<() => void>();
  return {
    subscribe: (listener) => {
      // One that subscribes twice is called twice.
      const own = (): void => listener();
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    call: () => {
      for (const listener of listeners) listener();
    },
  };
}
