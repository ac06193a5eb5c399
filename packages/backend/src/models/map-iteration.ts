/** What `mapIteration` does with the values of an iterator. */
export interface IterationMap<From, To> {
  /** Returns what is passed on of a value; `undefined`: nothing. */
  map(value: From): To | undefined;
  /** Whether a value is the last one that is read. [none is] */
  isLast?(value: From): boolean;
  /** Called at the end of the iterator; what it throws is the end. */
  onDone?(): void;
  /** Called once when nothing more will be read, whyever. */
  onEnd?: (() => void) | undefined;
}

/** An async generator would take three turns of the microtask queue for each value; this takes one. */
class MappedIteration<From, To> implements AsyncIterableIterator<To> {
  readonly #source: AsyncIterator<From>;
  readonly #steps: IterationMap<From, To>;
  #isLastRead = false;
  #isOver = false;

  constructor(source: AsyncIterator<From>, steps: IterationMap<From, To>) {
    this.#source = source;
    this.#steps = steps;
  }

  next(): Promise<IteratorResult<To>> {
    if (this.#isLastRead || this.#isOver) return this.return();
    return this.#source.next().then(this.#take, this.#fail);
  }

  async return(): Promise<IteratorResult<To>> {
    await this.#end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #take = (result: IteratorResult<From>): IteratorResult<To> | Promise<IteratorResult<To>> => {
    try {
      if (result.done === true) {
        this.#steps.onDone?.();
        return this.return();
      }
      const value = this.#steps.map(result.value);
      this.#isLastRead = this.#steps.isLast?.(result.value) === true;
      return value === undefined ? this.next() : { value, done: false };
    } catch (error) {
      return this.#fail(error);
    }
  };

  readonly #fail = async (error: unknown): Promise<never> => {
    await this.#end();
    throw error;
  };

  async #end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      await this.#source.return?.();
    } finally {
      this.#steps.onEnd?.();
    }
  }
}

/** Iterates over what is made of each value of an iterator, which ends with the iteration. */
export function mapIteration<From, To>(
  source: AsyncIterator<From>,
  steps: IterationMap<From, To>,
): AsyncIterableIterator<To> {
  return new MappedIteration(source, steps);
}
