import { createResolvers, type Resolvers } from "../create-resolvers.ts";

/** Callbacks for a reader that falls behind. The caller chooses the unit of the weights. */
export interface QueueFlow<T> {
  weigh(value: T): number;
  /** `onFull` is called when more than this is unread. */
  readonly high: number;
  onFull(): void;
  /** `onRoom` is called after that, when no more than this is unread. */
  readonly low: number;
  onRoom(): void;
}

/** Values that one side pushes and the other iterates once. It has no limit of its own. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  #values: T[] = [];
  #head = 0;
  #ended: { readonly error: unknown } | "complete" | undefined;
  #waiting: Resolvers<IteratorResult<T>> | undefined;
  readonly #onCancel: () => void;
  readonly #flow: QueueFlow<T> | undefined;
  #onEnd: (() => void) | undefined;
  #unreadWeight = 0;
  #isFull = false;

  /** @param onCancel called when the reader stops before the end was pushed */
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
    this.#end("complete");
    this.#takeWaiting()?.resolve({ value: undefined, done: true });
  }

  /** Rejects the iteration after what was pushed. */
  fail(error: unknown): void {
    if (this.#ended !== undefined) return;
    const waiting = this.#takeWaiting();
    this.#end(waiting === undefined ? { error } : "complete");
    waiting?.reject(error);
  }

  /** Ends the iteration for the reader: it rejects at once, and unread values are dropped. */
  cancel(error: unknown): void {
    if (this.#ended !== undefined) return;
    this.#values = [];
    this.#head = 0;
    this.fail(error);
    this.#onCancel();
  }

  /** Cancels with the reason of a signal when it aborts before the end was pushed. */
  cancelWith(signal: AbortSignal): void {
    const onAbort = (): void => this.cancel(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#onEnd = () => signal.removeEventListener("abort", onAbort);
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#values.length) {
      const value = this.#values[this.#head] as T;
      // Lets values that were read be collected.
      this.#values[this.#head] = undefined as T;
      this.#head += 1;
      if (this.#head === this.#values.length) {
        this.#values = [];
        this.#head = 0;
      }
      this.#taken(value);
      return Promise.resolve({ value, done: false });
    }
    if (this.#ended === "complete") return Promise.resolve({ value: undefined, done: true });
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      this.#ended = "complete";
      return Promise.reject(error);
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

  #end(how: { readonly error: unknown } | "complete"): void {
    this.#ended = how;
    this.#onEnd?.();
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
