import { InferenceError } from "../errors.ts";
import type { GeneratedSequence } from "./generated-sequence.ts";
import type { GenerationResult, TokenDelta, TokenStream } from "./request.ts";

type Waiter = {
  readonly resolve: (result: IteratorResult<TokenDelta>) => void;
  readonly reject: (reason: unknown) => void;
};

/** How a stream ends. */
export type StreamEnding =
  | { readonly kind: "finished"; readonly result: () => GenerationResult }
  /** What was made before is still delivered. */
  | { readonly kind: "failed"; readonly reason: unknown }
  /** Nobody wants the rest. */
  | { readonly kind: "aborted"; readonly reason: unknown };

/** More would hold up whoever reads a delta, and take hundreds of bytes each. */
const maxCandidates = 2000;

/**
 * The consumer's side of a request. Holds no queue of deltas: an answer's news since it was last read
 * is one delta, so a slow consumer costs what the answer itself costs.
 */
export class GenerationStream implements TokenStream {
  readonly id: string;
  readonly #onCancel: (reason: unknown) => void;
  /** Tokens whose log-probabilities one delta has at most. */
  readonly #entryLimit: number;
  /** Answers with news, the longest unread first. */
  readonly #unread: Set<GeneratedSequence> = new Set();
  readonly #waiters: Waiter[] = [];
  #ending: StreamEnding | undefined;
  #isConsumed = false;
  #result: PromiseWithResolvers | undefined;

  /** @param candidateCount candidates of each token whose log-probabilities are reported */
  constructor(id: string, onCancel: (reason: unknown) => void, candidateCount = 1) {
    this.id = id;
    this.#onCancel = onCancel;
    this.#entryLimit = Math.ceil(maxCandidates / candidateCount);
  }

  /** Says that an answer has news. */
  notify(sequence: GeneratedSequence): void {
    if (this.#ending?.kind === "aborted") return;
    this.#unread.add(sequence);
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) this.#settle(waiter);
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
      if (this.#unread.size === 0 && this.#ending === undefined) this.#waiters.push(waiter);
      else this.#settle(waiter);
    });
  }

  #settle(waiter: Waiter): void {
    if (this.#unread.size > 0) this.#give(waiter);
    else if (this.#ending?.kind === "finished") waiter.resolve({ done: true, value: undefined });
    else waiter.reject(this.#ending?.reason);
  }

  #give(waiter: Waiter): void {
    try {
      waiter.resolve({ done: false, value: this.#take() });
    } catch (error) {
      this.cancel(error);
      waiter.reject(error);
    }
  }

  #take(): TokenDelta {
    const sequence = this.#unread.values().next().value!;
    if (sequence.hasPromptNews) {
      const promptLogprobs = sequence.takePromptLogprobs(this.#entryLimit);
      // The answer's own news goes with the last part of the prompt's.
      if (sequence.hasPromptNews) return { ...emptyDelta(sequence.index), promptLogprobs };
      return { ...this.#takeNews(sequence), promptLogprobs };
    }
    return this.#takeNews(sequence);
  }

  #takeNews(sequence: GeneratedSequence): TokenDelta {
    const { index, finishReason, stopReason } = sequence;
    const { text, tokenIds, logprobs } = sequence.takeNews(this.#entryLimit);
    // The end is said with the last of the tokens.
    if (sequence.hasUnreadTokens) return { ...emptyDelta(index), text, tokenIds, logprobs };
    this.#unread.delete(sequence);
    return { index, text, tokenIds, logprobs, finishReason, stopReason };
  }
}

function emptyDelta(index: number): TokenDelta {
  return {
    index,
    text: "",
    tokenIds: [],
    logprobs: undefined,
    finishReason: undefined,
    stopReason: undefined,
  };
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
  if (ending.kind !== "finished") return target.reject(ending.reason);
  try {
    target.resolve(ending.result());
  } catch (error) {
    target.reject(error);
  }
}

function abortError(): DOMException {
  return new DOMException("The generation was cancelled", "AbortError");
}
