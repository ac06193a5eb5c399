/** What a request asks for, as far as it decides how large its answer can get. */
export interface AnswerSize {
  /** Answers: prompts times `n`. */
  readonly answerCount: number;
  /** Most tokens of each answer. */
  readonly maxTokens: number;
  /** Candidates of each token whose log-probabilities are reported; 0 for none. */
  readonly candidateCount: number;
  /** Tokens of prompts whose log-probabilities are echoed. */
  readonly echoedTokens: number;
  /** The field that the client would make smaller. */
  readonly param: string;
}

/** A candidate is an id and a number, in arrays that double when they are full. */
const candidateBytes = 2 * (4 + 8);
/** A token's text and id in an answer that is collected. */
const tokenBytes = 16;
/** As the API allows. */
const maxCandidates = 21;

/** What one answer of the whole context with all alternatives takes: a server has room for at least one. */
export function largestAnswerBytes(contextTokens: number): number {
  return contextTokens * (maxCandidates * candidateBytes + tokenBytes);
}

/** What an answer can take. One answer without log-probabilities is small beside its place in the KV cache. */
export function answerBytes({ answerCount, maxTokens, candidateCount, echoedTokens }: AnswerSize): number {
  if (candidateCount === 0 && answerCount === 1) return 0;
  const perToken = candidateCount * candidateBytes + tokenBytes;
  return (answerCount * maxTokens + echoedTokens) * perToken;
}

const maxAnswerBytes = 256 * 2 ** 20;
/** Of what may be used. */
const answerShare = 1 / 8;

/** Bounds of the memory for answers, by context; where the size is set, both are that. */
export function answerMemory(
  setBytes: number | undefined,
  budgetBytes: number,
): { readonly least: (contextTokens: number) => number; readonly wanted: (contextTokens: number) => number } {
  if (setBytes !== undefined) return { least: () => setBytes, wanted: () => setBytes };
  const share = Math.min(maxAnswerBytes, Math.floor(budgetBytes * answerShare));
  return {
    least: largestAnswerBytes,
    wanted: (contextTokens) => Math.max(largestAnswerBytes(contextTokens), share),
  };
}
