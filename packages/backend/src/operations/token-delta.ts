import type * as engine from "@infernode/inference";
import type { AnswerPart } from "../parsers/part-sink.ts";

/*
 * What generations yield, from any service. The engine's own types fit. A remote server may not report the ids of
 * tokens, nor the length of a prompt before the answer has ended.
 */

/** A token and its log-probability. */
export interface TokenCandidate extends Omit<engine.TokenCandidate, "tokenId"> {
  /** `undefined` if a remote server does not report it. */
  readonly tokenId: number | undefined;
}

/** A token of an answer or a prompt, with its alternatives. */
export interface TokenLogprob extends TokenCandidate {
  /** Among all tokens, from 1; `undefined` if a remote server does not report it. */
  readonly rank: number | undefined;
  readonly top: readonly TokenCandidate[];
}

/** One entry for each token of the prompt. The first has none: nothing comes before it. */
export type PromptLogprobs = readonly (TokenLogprob | undefined)[];

/** What one step adds to one answer. */
export interface TokenDelta extends Omit<engine.TokenDelta, "logprobs" | "promptLogprobs" | "tokenIds"> {
  /** Empty if a remote server does not report them. */
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprob[] | undefined;
  /** What the text consists of, in order, where it is not content alone; `text` is empty then. */
  readonly parts?: readonly AnswerPart[];
  /** Tokens of reasoning among those of this delta. [0] */
  readonly reasoningTokens?: number;
}

/** The event of a delta, in every operation that has any. */
export interface DeltaEvent {
  readonly type: "delta";
  readonly delta: TokenDelta;
}

/** The parts of a delta. */
export function partsOf({ text, parts }: TokenDelta): readonly AnswerPart[] {
  return parts ?? (text === "" ? [] : [{ type: "content", text }]);
}

/** Token counts of a request, over all its answers. */
export interface AnswerUsage extends engine.GenerationUsage {
  /** Among the completion's. [0] */
  readonly reasoningTokens?: number;
}

/** How long a request took. */
export interface GenerationTimings extends Omit<engine.GenerationTimings, "queuedMs"> {
  /** `undefined` if a remote server does not report it: the time to the first token includes the wait then. */
  readonly queuedMs: number | undefined;
}
