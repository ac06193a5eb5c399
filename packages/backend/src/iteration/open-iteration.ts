/** The first value of an iteration, and an iterator over the others. */
export interface OpenedIteration<T> {
  readonly first: T;
  readonly rest: AsyncIterator<T>;
}

/** Iterates over a value that takes time to get, and over those that come with it. `open` is called at the first read. */
export function openIteration<T>(open: () => Promise<OpenedIteration<T>>): AsyncIterableIterator<T> {
  let rest: AsyncIterator<T> | undefined;
  let isOver = false;
  const end = async (): Promise<IteratorResult<T>> => ({ value: undefined, done: true });
  const begin = async (): Promise<IteratorResult<T>> => {
    isOver = true;
    const opened = await open();
    isOver = false;
    rest = opened.rest;
    return { value: opened.first, done: false };
  };
  return {
    next: () => {
      if (rest !== undefined) return rest.next();
      return isOver ? end() : begin();
    },
    return: async () => {
      isOver = true;
      await rest?.return?.();
      return end();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
