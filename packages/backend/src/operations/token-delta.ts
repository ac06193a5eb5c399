import type * as engine from "@infernode/inference";

/*
 * What generations yield, whoever makes it. The engine's own types fit; a server on another machine may not tell
 * the ids of tokens, nor how long a prompt is before the answer has ended.
 */

/** A token and how likely the model found it. */
export interface TokenCandidate extends Omit<engine.TokenCandidate, "tokenId"> {
  /** `undefined` where a remote server does not tell it. */
  readonly tokenId: number | undefined;
}

/** A token of an answer or a prompt, with its alternatives. */
export interface TokenLogprob extends TokenCandidate {
  readonly top: readonly TokenCandidate[];
}

/** One entry for each token of the prompt. The first has none: nothing comes before it. */
export type PromptLogprobs = readonly (TokenLogprob | undefined)[];

/** What one step adds to one answer. */
export interface TokenDelta extends Omit<engine.TokenDelta, "logprobs" | "promptLogprobs" | "tokenIds"> {
  /** Empty where a remote server does not tell them. */
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprob[] | undefined;
}

/** How long a request took. */
export interface GenerationTimings extends Omit<engine.GenerationTimings, "queuedMs"> {
  /** `undefined` where a remote server does not tell it: the wait is a part of the time to the first token then. */
  readonly queuedMs: number | undefined;
}
