import { InferenceError } from "../errors.ts";
import type { GeneratedSequence } from "./generated-sequence.ts";
import type { GenerationResult, TokenDelta, TokenStream } from "./request.ts";

type Waiter = {
  readonly resolve: (result: IteratorResult<TokenDelta>) => void;
  readonly reject: (reason: unknown) => void;
};

/** How a stream ended. */
export type StreamEnding =
  | { readonly kind: "finished"; readonly result: () => GenerationResult }
  /** Tokens from before are still delivered. */
  | { readonly kind: "failed"; readonly reason: unknown }
  /** Unread tokens are dropped. */
  | { readonly kind: "aborted"; readonly reason: unknown };

/** How a stream is divided into deltas. */
export interface StreamParts {
  /** Candidates that are reported for each token. [1] */
  readonly candidateCount?: number;
  /** Tokens of an answer that are gathered for a delta, but for its first and its last one. [1] */
  readonly intervalTokens?: number;
}

/** In one delta; as objects each takes hundreds of bytes. */
const maxCandidates = 2000;

/**
 * The consumer's side of a request. It keeps no queue of deltas: what was added to an answer since the last read
 * is one delta, so a slow consumer costs no more memory than the answer.
 */
export class GenerationStream implements TokenStream {
  readonly id: string;
  readonly #onCancel: (reason: unknown) => void;
  /** Tokens with log-probabilities in one delta. */
  readonly #entryLimit: number;
  readonly #intervalTokens: number;
  /** Answers with unread tokens, the longest unread first. */
  readonly #unread: GeneratedSequence[] = [];
  readonly #waiters: Waiter[] = [];
  #ending: StreamEnding | undefined;
  #isConsumed = false;
  #resolveEnded: (ending: StreamEnding) => void = () => {};
  readonly #ended = new Promise<StreamEnding>((resolve) => {
    this.#resolveEnded = resolve;
  });
  #result: Promise<GenerationResult> | undefined;

  constructor(
    id: string,
    onCancel: (reason: unknown) => void,
    { candidateCount = 1, intervalTokens = 1 }: StreamParts = {},
  ) {
    this.id = id;
    this.#onCancel = onCancel;
    this.#intervalTokens = intervalTokens;
    this.#entryLimit = Math.ceil(maxCandidates / candidateCount);
  }

  /** Marks an answer as unread. A reader that waits gets it once enough was gathered. */
  notify(sequence: GeneratedSequence): void {
    if (this.#ending?.kind === "aborted") return;
    if (!this.#unread.includes(sequence)) this.#unread.push(sequence);
    if (this.#isGathering(sequence)) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) this.#settle(waiter);
  }

  /** Ends the stream; only the first call counts. */
  end(ending: StreamEnding): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    if (ending.kind === "aborted") this.#unread.length = 0;
    for (const waiter of this.#waiters.splice(0)) this.#settle(waiter);
    this.#resolveEnded(ending);
  }

  cancel(reason?: unknown): void {
    if (this.#ending === undefined) this.#onCancel(reason ?? abortError());
  }

  result(): Promise<GenerationResult> {
    if (this.#result === undefined) {
      this.#result = this.#ended.then((ending) => {
        if (ending.kind !== "finished") throw ending.reason;
        return ending.result();
      });
      // A result that nobody awaits any more is not an unhandled rejection.
      this.#result.catch(() => {});
    }
    return this.#result;
  }

  /** @throws InferenceError `STREAM_CONSUMED` the second time */
  [Symbol.asyncIterator](): AsyncIterator<TokenDelta> {
    if (this.#isConsumed) {
      const expected = `one iteration over the tokens of ${this.id}`;
      throw new InferenceError("STREAM_CONSUMED", { expected, got: "a second one" });
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
      if (this.#unread.length === 0 && this.#ending === undefined) this.#waiters.push(waiter);
      else this.#settle(waiter);
    });
  }

  #isGathering({ unreadTokenCount, tokenCount, finishReason }: GeneratedSequence): boolean {
    const isFirst = unreadTokenCount === tokenCount;
    return unreadTokenCount < this.#intervalTokens && !isFirst && finishReason === undefined;
  }

  #settle(waiter: Waiter): void {
    if (this.#unread.length > 0) this.#settleWithDelta(waiter);
    else if (this.#ending?.kind === "finished") waiter.resolve({ done: true, value: undefined });
    else waiter.reject(this.#ending?.reason);
  }

  #settleWithDelta(waiter: Waiter): void {
    try {
      waiter.resolve({ done: false, value: this.#take() });
    } catch (error) {
      this.cancel(error);
      waiter.reject(error);
    }
  }

  #take(): TokenDelta {
    const sequence = this.#unread[0]!;
    if (sequence.hasUnreadPromptLogprobs) {
      const promptLogprobs = sequence.takePromptLogprobs(this.#entryLimit);
      // The answer's own tokens go with the last part of the prompt's.
      if (sequence.hasUnreadPromptLogprobs) return { ...emptyDelta(sequence.index), promptLogprobs };
      return { ...this.#takeDelta(sequence), promptLogprobs };
    }
    return this.#takeDelta(sequence);
  }

  #takeDelta(sequence: GeneratedSequence): TokenDelta {
    const { index, finishReason, stopReason } = sequence;
    const { text, tokenIds, logprobs } = sequence.takeDelta(this.#entryLimit);
    // The finish reason goes with the last tokens.
    if (sequence.unreadTokenCount > 0) return { ...emptyDelta(index), text, tokenIds, logprobs };
    this.#unread.shift();
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

function abortError(): DOMException {
  return new DOMException("the generation was cancelled", "AbortError");
}
