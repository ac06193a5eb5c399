/**
 * Opens an iterator when its first value is asked for, and passes on what it answers. Where `open` throws, the first
 * value rejects.
 */
export function deferIteration<T>(open: () => AsyncIterator<T>): AsyncIterableIterator<T> {
  let iterator: AsyncIterator<T> | undefined;
  let isOver = false;
  const end = async (): Promise<IteratorResult<T>> => ({ value: undefined, done: true });
  return {
    next: () => {
      if (isOver) return end();
      try {
        return (iterator ??= open()).next();
      } catch (error) {
        isOver = true;
        return Promise.reject(error);
      }
    },
    return: async () => {
      isOver = true;
      await iterator?.return?.();
      return end();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
