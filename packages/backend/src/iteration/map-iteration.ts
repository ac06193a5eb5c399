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

/** What `expandIteration` does with the values of an iterator. */
export interface IterationExpansion<From, To> {
  /** Returns what is passed on of a value, or several values in its place. */
  map(value: From): To | Several<To> | undefined;
  /** Values that come after those of the iterator. [none] */
  rest?: (() => AsyncIterator<To>) | undefined;
  /** Called once when nothing more will be read, whyever. */
  onEnd?: (() => void) | undefined;
}

/** Values in place of one. */
export class Several<T> {
  readonly values: AsyncIterator<T> | Iterator<T>;

  constructor(values: AsyncIterator<T> | Iterator<T>) {
    this.values = values;
  }
}

interface Stage {
  map(value: unknown): unknown;
  isLast?(value: unknown): boolean;
  onDone?(): void;
  onEnd?: (() => void) | undefined;
}

/** The last of its stages may make several values. */
interface Expansion<To> {
  readonly rest?: (() => AsyncIterator<To>) | undefined;
}

/**
 * Maps in one turn of the microtask queue for each value, however many maps there are: an async generator takes three
 * turns. Maps of a map are stages of one iterator.
 */
class MappedIteration<To> implements AsyncIterableIterator<To> {
  readonly source: AsyncIterator<unknown>;
  readonly stages: readonly Stage[];
  readonly expansion: Expansion<To> | undefined;
  isBegun = false;
  /** The stage that has read its last value. */
  #lastAt = -1;
  /** What is read before the next value of the source. */
  #several: AsyncIterator<To> | Iterator<To> | undefined;
  #isRestRead = false;
  #isOver = false;

  constructor(source: AsyncIterator<unknown>, stages: readonly Stage[], expansion?: Expansion<To>) {
    this.source = source;
    this.stages = stages;
    this.expansion = expansion;
  }

  next(): Promise<IteratorResult<To>> {
    this.isBegun = true;
    if (this.#several !== undefined) return this.#nextOf(this.#several);
    if (this.#isOver) return this.return();
    if (this.#lastAt >= 0) return this.#finish(this.#lastAt + 1);
    return this.source.next().then(this.#take, this.#fail);
  }

  async return(): Promise<IteratorResult<To>> {
    await this.#end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #take = (result: IteratorResult<unknown>): IteratorResult<To> | Promise<IteratorResult<To>> => {
    if (result.done === true) return this.#finish(0);
    try {
      let { value } = result;
      for (let at = 0; at < this.stages.length && value !== undefined; at += 1) {
        const stage = this.stages[at]!;
        const mapped = stage.map(value);
        if (stage.isLast?.(value) === true) this.#lastAt = at;
        value = mapped;
      }
      if (value === undefined) return this.next();
      if (this.expansion === undefined || !(value instanceof Several)) {
        return { value: value as To, done: false };
      }
      this.#several = (value as Several<To>).values;
      return this.next();
    } catch (error) {
      return this.#fail(error);
    }
  };

  /** Ends for the stages from `from` on: those before have ended themselves. */
  #finish(from: number): Promise<IteratorResult<To>> {
    try {
      for (let at = from; at < this.stages.length; at += 1) this.stages[at]!.onDone?.();
      if (this.expansion?.rest === undefined || this.#isRestRead) return this.return();
      this.#isRestRead = true;
      this.#several = this.expansion.rest();
      return this.next();
    } catch (error) {
      return this.#fail(error);
    }
  }

  async #nextOf(several: AsyncIterator<To> | Iterator<To>): Promise<IteratorResult<To>> {
    let result: IteratorResult<To>;
    try {
      result = await several.next();
    } catch (error) {
      this.#several = undefined;
      return this.#fail(error);
    }
    if (result.done !== true) return result;
    this.#several = undefined;
    return this.#isRestRead ? this.return() : this.next();
  }

  readonly #fail = async (error: unknown): Promise<never> => {
    await this.#end();
    throw error;
  };

  async #end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const several = this.#several;
    this.#several = undefined;
    try {
      await several?.return?.();
    } finally {
      try {
        await this.source.return?.();
      } finally {
        for (const { onEnd } of this.stages) onEnd?.();
      }
    }
  }
}

function addStage<To>(
  source: AsyncIterator<unknown>,
  stage: Stage,
  expansion?: Expansion<To>,
): AsyncIterableIterator<To> {
  const isJoined = source instanceof MappedIteration && !source.isBegun && source.expansion === undefined;
  if (!isJoined) return new MappedIteration(source, [stage], expansion);
  return new MappedIteration(source.source, [...source.stages, stage], expansion);
}

/** Iterates over what is made of each value of an iterator, which ends with the iteration. */
export function mapIteration<From, To>(
  source: AsyncIterator<From>,
  steps: IterationMap<From, To>,
): AsyncIterableIterator<To> {
  return addStage(source, steps as Stage);
}

/** The same, where several values may be made of one, which are read before the next one of the iterator. */
export function expandIteration<From, To>(
  source: AsyncIterator<From>,
  steps: IterationExpansion<From, To>,
): AsyncIterableIterator<To> {
  return addStage(source, steps as Stage, steps);
}
