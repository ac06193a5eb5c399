import type { ConstraintPort } from "../ports.ts";
import type { SamplingParams } from "../sampling/sampling-params.ts";
import type { TokenLogprob } from "../text/token-logprob.ts";

/** When an answer is finished. Defaults in brackets. */
export interface StopParams {
  /** At least 1; 0 where the request asks for `promptLogprobs`. [to the end of the context] */
  readonly maxTokens: number | undefined;
  /** End-of-sequence and stop tokens are not sampled before this many. [0] */
  readonly minTokens: number;
  /** Strings that finish the answer and are not part of it. At most 16. */
  readonly stop: readonly string[];
  readonly stopTokenIds: readonly number[];
  readonly ignoreEos: boolean;
  readonly includeStopInOutput: boolean;
}

/** A prompt in tokens, to be answered `n` times. */
export interface GenerationRequest {
  /** Appears in events. [generated] */
  readonly id?: string;
  readonly promptTokenIds: readonly number[];
  readonly sampling?: Partial<SamplingParams>;
  readonly stopping?: Partial<StopParams>;
  /**
   * What each answer may be. The answer ends, for the reason `stop`, where nothing can follow; one that is cut off by
   * its length is the beginning of an allowed one. [anything]
   */
  readonly constraint?: ConstraintPort;
  /**
   * The place of an adapter in the executor's `adapterStorage`, which stays there until the stream has ended; 0 for
   * none. [0]
   */
  readonly adapter?: number;
  /**
   * What the answer is likely to be, or to have parts of: the model verifies it several tokens at once, which takes less time where
   * it is right. At most the model's context. [nothing]
   */
  readonly predictedTokenIds?: readonly number[];
  /** [1] */
  readonly n?: number;
  /** Report the log-probability of each token and of this many alternatives (0 to 20). */
  readonly logprobs?: number;
  /** Report the log-probability of each token of the prompt and of this many alternatives (0 to 20). */
  readonly promptLogprobs?: number;
  /**
   * Whether the result includes what was already read from the stream. If not, what was read is not kept, and the
   * result's choices have only what is unread. [true]
   */
  readonly keepResult?: boolean;
  /** Leaves special tokens out of the text. [true] */
  readonly skipSpecialTokens?: boolean;
  /** Special tokens that stay in the text all the same, such as marks that a parser of the answer reads. [none] */
  readonly keptSpecialTokenIds?: readonly number[];
  readonly signal?: AbortSignal;
}

/** One entry for each token of the prompt; `undefined` for the first. */
export type PromptLogprobs = readonly (TokenLogprob | undefined)[];

/** Why an answer is finished: a stop token or stop string, or its length. */
export type FinishReason = "stop" | "length";

/** What was added to one answer since its last delta. */
export interface TokenDelta {
  /** Index among the `n` answers. */
  readonly index: number;
  /** Whole characters only; empty while a character or a possible stop string is incomplete. */
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprob[] | undefined;
  readonly finishReason: FinishReason | undefined;
  /** The stop string or stop token that finished it. */
  readonly stopReason: string | number | undefined;
  /** If requested: in the first deltas of answer 0, part after part. */
  readonly promptLogprobs?: PromptLogprobs;
}

/** Token counts of a request, over all its answers. */
export interface GenerationUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedPromptTokens: number;
  /** Where the request predicted its answer: proposed tokens that the model confirmed, and the others. */
  readonly prediction?: { readonly acceptedTokens: number; readonly rejectedTokens: number } | undefined;
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
  /** If requested. */
  readonly promptLogprobs?: PromptLogprobs;
  readonly usage: GenerationUsage;
  readonly timings: GenerationTimings;
}

/**
 * The tokens of a request as they are generated. Iterate once. Leaving the loop, or aborting the request's signal,
 * stops the work within one step; an aborted stream rejects with the signal's reason.
 */
export interface TokenStream extends AsyncIterable<TokenDelta> {
  readonly id: string;
  /** Resolves when the stream ends, whether or not it is iterated. */
  result(): Promise<GenerationResult>;
  cancel(reason?: unknown): void;
}
