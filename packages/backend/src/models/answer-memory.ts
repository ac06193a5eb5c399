/** The parameters of a request that determine how large its answer can get. */
export interface AnswerSize {
  /** Answers: prompts times `n`. */
  readonly answerCount: number;
  /** Most tokens of each answer. */
  readonly maxTokens: number;
  /** Candidates per token with a log-probability; 0 for none. */
  readonly candidateCount: number;
  /** Tokens of prompts that are echoed with log-probabilities. */
  readonly echoedTokens: number;
  /** The request field to reduce. */
  readonly param: string;
}

/** A candidate is an id and a number, in arrays that double their size when they are full. */
const candidateBytes = 2 * (4 + 8);
/** Text and id of a token in a collected answer. */
const tokenBytes = 16;
/** The limit of the API. */
const maxCandidates = 21;

/** The size of an answer that fills the context with all candidates: a server has memory for at least one. */
export function largestAnswerBytes(contextTokens: number): number {
  return contextTokens * (maxCandidates * candidateBytes + tokenBytes);
}

/** The most that an answer can take. One without log-probabilities is small compared to its KV cache and counts 0. */
export function answerBytes({ answerCount, maxTokens, candidateCount, echoedTokens }: AnswerSize): number {
  if (candidateCount === 0 && answerCount === 1) return 0;
  const perToken = candidateCount * candidateBytes + tokenBytes;
  return (answerCount * maxTokens + echoedTokens) * perToken;
}

const maxAnswerBytes = 256 * 2 ** 20;
/** Share of the memory budget. */
const answerShare = 1 / 8;

/** Smallest and preferred size of the memory for answers, by context; if a size is set, both are that size. */
export function answerMemory(
  setBytes: number | undefined,
  budgetBytes: number,
): {
  readonly least: (contextTokens: number) => number;
  readonly preferred: (contextTokens: number) => number;
} {
  if (setBytes !== undefined) return { least: () => setBytes, preferred: () => setBytes };
  const share = Math.min(maxAnswerBytes, Math.floor(budgetBytes * answerShare));
  return {
    least: largestAnswerBytes,
    preferred: (contextTokens) => Math.max(largestAnswerBytes(contextTokens), share),
  };
}
