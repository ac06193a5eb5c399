/** What proposes the next tokens of one answer, for the model to verify. */
export interface Proposer {
  /** Learns the next token of the answer. */
  accept(tokenId: number): void;
  /**
   * Writes likely next tokens to the begin of `into`, at most as many as it has room for; returns how many. Wrong ones cost time
   * only. Called on the event loop before a step: it must be short.
   */
  propose(into: Int32Array): number;
}

/** What is known of a request before it is answered. */
export interface ProposerContext {
  /** Not to be changed. */
  readonly promptTokenIds: Int32Array;
  /** What the request says that its answer will be, or be like. [nothing] */
  readonly predictedTokenIds?: Int32Array | undefined;
}

/** What the proposers of all answers to one request share. */
export interface ProposerSource {
  /** Creates the proposer of one answer, before its first token. */
  start(): Proposer;
}

/** Called for each request, before it is queued; work is for the first `propose`. */
export type ProposerFactory = (context: ProposerContext) => ProposerSource;
