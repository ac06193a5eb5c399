import { createResolvers, type Resolvers } from "../create-resolvers.ts";

/** Who is told when a reader is behind. Weights are of the caller's choice. */
export interface QueueFlow<T> {
  weigh(value: T): number;
  /** Called when more than this is unread, and again after each `onRoom`. */
  readonly high: number;
  onFull(): void;
  /** Called when no more than this is left of it. */
  readonly low: number;
  onRoom(): void;
}

/** Values that one side pushes and the other iterates, once. Memory is bounded by what is pushed. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  #values: T[] = [];
  #head = 0;
  #ended: { readonly error: unknown } | "complete" | undefined;
  #waiting: Resolvers<IteratorResult<T>> | undefined;
  readonly #onCancel: () => void;
  readonly #flow: QueueFlow<T> | undefined;
  #unreadWeight = 0;
  #isFull = false;

  /** @param onCancel called when the reader leaves before the end was pushed */
  constructor(onCancel: () => void, flow?: QueueFlow<T>) {
    this.#onCancel = onCancel;
    this.#flow = flow;
  }

  push(value: T): void {
    if (this.#ended !== undefined) return;
    const waiting = this.#takeWaiting();
    if (waiting === undefined) {
      this.#values.push(value);
      this.#added(value);
    } else {
      waiting.resolve({ value, done: false });
    }
  }

  /** Ends the iteration after what was pushed. */
  complete(): void {
    if (this.#ended !== undefined) return;
    this.#ended = "complete";
    this.#takeWaiting()?.resolve({ value: undefined, done: true });
  }

  /** Rejects the iteration after what was pushed. */
  fail(error: unknown): void {
    if (this.#ended !== undefined) return;
    const waiting = this.#takeWaiting();
    this.#ended = waiting === undefined ? { error } : "complete";
    waiting?.reject(error);
  }

  /** The reader leaves: the iteration rejects at once, and what was not read is dropped. */
  cancel(error: unknown): void {
    if (this.#ended !== undefined) return;
    this.#values = [];
    this.#head = 0;
    this.fail(error);
    this.#onCancel();
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#values.length) {
      const value = this.#values[this.#head] as T;
      // The array holds on to nothing that was read.
      this.#values[this.#head] = undefined as T;
      this.#head += 1;
      if (this.#head === this.#values.length) {
        this.#values = [];
        this.#head = 0;
      }
      this.#taken(value);
      return { value, done: false };
    }
    if (this.#ended === "complete") return { value: undefined, done: true };
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      this.#ended = "complete";
      throw error;
    }
    const waiting = createResolvers<IteratorResult<T>>();
    this.#waiting = waiting;
    return waiting.promise;
  }

  async return(): Promise<IteratorResult<T>> {
    const isEarly = this.#ended === undefined;
    this.#values = [];
    this.#head = 0;
    this.complete();
    if (isEarly) this.#onCancel();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #added(value: T): void {
    if (this.#flow === undefined) return;
    this.#unreadWeight += this.#flow.weigh(value);
    if (this.#isFull || this.#unreadWeight <= this.#flow.high) return;
    this.#isFull = true;
    this.#flow.onFull();
  }

  #taken(value: T): void {
    if (this.#flow === undefined) return;
    this.#unreadWeight -= this.#flow.weigh(value);
    if (!this.#isFull || this.#unreadWeight > this.#flow.low) return;
    this.#isFull = false;
    if (this.#ended === undefined) this.#flow.onRoom();
  }

  #takeWaiting(): Resolvers<IteratorResult<T>> | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}
