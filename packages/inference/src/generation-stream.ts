import { InferenceError } from "./errors.ts";
import type { GeneratedSequence } from "./generated-sequence.ts";
import type { GenerationResult, TokenDelta, TokenStream } from "./request.ts";

type Waiter = {
  readonly resolve: (result: IteratorResult<TokenDelta>) => void;
  readonly reject: (reason: unknown) => void;
};

/** How a stream ends. */
export type StreamEnding =
  | { readonly kind: "finished"; readonly result: GenerationResult }
  /** What was made before is still delivered. */
  | { readonly kind: "failed"; readonly reason: unknown }
  /** Nobody wants the rest. */
  | { readonly kind: "aborted"; readonly reason: unknown };

/**
 * The consumer's side of a request. Holds no queue of deltas: an answer's news since it was last read
 * is one delta, so a slow consumer costs what the answer itself costs.
 */
export class GenerationStream implements TokenStream {
  readonly id: string;
  readonly #onCancel: (reason: unknown) => void;
  /** Answers with news, the longest unread first. */
  readonly #unread: Set<GeneratedSequence> = new Set();
  readonly #readTokenCounts: number[] = [];
  readonly #waiters: Waiter[] = [];
  #ending: StreamEnding | undefined;
  #isConsumed = false;
  #result: PromiseWithResolvers | undefined;

  constructor(id: string, onCancel: (reason: unknown) => void) {
    this.id = id;
    this.#onCancel = onCancel;
  }

  /** Says that an answer has news. */
  notify(sequence: GeneratedSequence): void {
    if (this.#ending?.kind === "aborted") return;
    this.#unread.add(sequence);
    if (this.#waiters.length > 0) this.#waiters.shift()?.resolve({ done: false, value: this.#take() });
  }

  /** Ends the stream; the first ending counts. */
  end(ending: StreamEnding): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    if (ending.kind === "aborted") this.#unread.clear();
    for (const waiter of this.#waiters.splice(0)) this.#settle(waiter);
    if (this.#result !== undefined) settleResult(this.#result, ending);
  }

  cancel(reason?: unknown): void {
    if (this.#ending === undefined) this.#onCancel(reason ?? abortError());
  }

  result(): Promise<GenerationResult> {
    if (this.#result === undefined) {
      this.#result = promiseWithResolvers();
      if (this.#ending !== undefined) settleResult(this.#result, this.#ending);
    }
    return this.#result.promise;
  }

  /** @throws InferenceError `STREAM_CONSUMED` the second time */
  [Symbol.asyncIterator](): AsyncIterator<TokenDelta> {
    if (this.#isConsumed) {
      throw new InferenceError(
        "STREAM_CONSUMED",
        `the tokens of ${this.id} can be iterated once; found a second iteration`,
      );
    }
    this.#isConsumed = true;
    let hasReturned = false;
    return {
      next: () => (hasReturned ? Promise.resolve({ done: true, value: undefined }) : this.#next()),
      return: () => {
        hasReturned = true;
        this.cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<IteratorResult<TokenDelta>> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (this.#unread.size > 0) resolve({ done: false, value: this.#take() });
      else if (this.#ending === undefined) this.#waiters.push(waiter);
      else this.#settle(waiter);
    });
  }

  #settle(waiter: Waiter): void {
    if (this.#unread.size > 0) waiter.resolve({ done: false, value: this.#take() });
    else if (this.#ending?.kind === "finished") waiter.resolve({ done: true, value: undefined });
    else waiter.reject(this.#ending?.reason);
  }

  #take(): TokenDelta {
    const sequence = this.#unread.values().next().value!;
    this.#unread.delete(sequence);
    const { index, tokenIds, logprobs, promptLogprobs, finishReason, stopReason } = sequence;
    const start = this.#readTokenCounts[index] ?? 0;
    const isFirst = this.#readTokenCounts[index] === undefined;
    this.#readTokenCounts[index] = tokenIds.length;
    return {
      index,
      text: sequence.takeText(),
      tokenIds: tokenIds.slice(start),
      logprobs: logprobs?.slice(start),
      finishReason,
      stopReason,
      ...(isFirst && promptLogprobs && { promptLogprobs }),
    };
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<GenerationResult>;
  readonly resolve: (result: GenerationResult) => void;
  readonly reject: (reason: unknown) => void;
}

function promiseWithResolvers(): PromiseWithResolvers {
  let resolve: (result: GenerationResult) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<GenerationResult>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  // Who asked for the result and went away is not an unhandled rejection.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

function settleResult(target: PromiseWithResolvers, ending: StreamEnding): void {
  if (ending.kind === "finished") target.resolve(ending.result);
  else target.reject(ending.reason);
}

function abortError(): DOMException {
  return new DOMException("The generation was cancelled", "AbortError");
}
