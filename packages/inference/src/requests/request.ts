import type { SamplingParams } from "../sampling/sampling-params.ts";
import type { TokenLogprob } from "../text/token-logprob.ts";

/** When an answer ends. Defaults in brackets. */
export interface StopParams {
  /** At least 1; 0 where the request asks for `promptLogprobs`. [to the end of the context] */
  readonly maxTokens: number | undefined;
  /** End-of-sequence and stop tokens are not sampled before this many. [0] */
  readonly minTokens: number;
  /** Texts that end the answer and are not part of it. At most 16. */
  readonly stop: readonly string[];
  readonly stopTokenIds: readonly number[];
  readonly ignoreEos: boolean;
  readonly includeStopInOutput: boolean;
}

/** One prompt in tokens, answered `n` times. */
export interface GenerationRequest {
  /** Appears in events; made when absent. */
  readonly id?: string;
  readonly promptTokenIds: readonly number[];
  readonly sampling?: Partial<SamplingParams>;
  readonly stopping?: Partial<StopParams>;
  /** [1] */
  readonly n?: number;
  /** Report the log-probability of each token and of this many alternatives (0 to 20). */
  readonly logprobs?: number;
  /** Report the log-probability of each token of the prompt and of this many alternatives (0 to 20). */
  readonly promptLogprobs?: number;
  /**
   * Whether the result has what was read of the stream before. Without, what was read is kept nowhere, and the
   * result's choices have what was not read alone. [true]
   */
  readonly keepResult?: boolean;
  /** Special tokens in the text are left out. [true] */
  readonly skipSpecialTokens?: boolean;
  readonly signal?: AbortSignal;
}

/** One entry for each token of the prompt. The first has none: nothing comes before it. */
export type PromptLogprobs = readonly (TokenLogprob | undefined)[];

/** Why an answer ended: a stop token or string, or its length. */
export type FinishReason = "stop" | "length";

/** What one step adds to one answer. */
export interface TokenDelta {
  /** Which of the `n` answers. */
  readonly index: number;
  /** Whole characters only; empty while a character or a possible stop string is incomplete. */
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprob[] | undefined;
  readonly finishReason: FinishReason | undefined;
  /** The stop string or stop token that ended it. */
  readonly stopReason: string | number | undefined;
  /** Where the request asked for them: in the stream's first deltas, which are of answer 0, part after part. */
  readonly promptLogprobs?: PromptLogprobs;
}

/** Tokens of a request, over all its answers. */
export interface GenerationUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedPromptTokens: number;
}

/** How long a request took, on the engine's clock. */
export interface GenerationTimings {
  readonly queuedMs: number;
  readonly timeToFirstTokenMs: number | undefined;
  readonly totalMs: number;
}

/** One whole answer. */
export interface GenerationChoice {
  readonly index: number;
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprob[] | undefined;
  readonly finishReason: FinishReason;
  readonly stopReason: string | number | undefined;
}

/** All answers to a request. */
export interface GenerationResult {
  readonly id: string;
  readonly choices: readonly GenerationChoice[];
  /** Where the request asked for them. */
  readonly promptLogprobs?: PromptLogprobs;
  readonly usage: GenerationUsage;
  readonly timings: GenerationTimings;
}

/**
 * Tokens as they are made. Iterate once. Leaving the loop, or aborting the request's signal, stops
 * the work within one step; an aborted stream rejects with the signal's reason.
 */
export interface TokenStream extends AsyncIterable<TokenDelta> {
  readonly id: string;
  /** Known when the stream has ended; gathers the rest if it was not iterated. */
  result(): Promise<GenerationResult>;
  cancel(reason?: unknown): void;
}
