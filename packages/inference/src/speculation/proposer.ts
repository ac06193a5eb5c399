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

/** What a proposer is created with. */
export interface ProposerContext {
  /** Not to be changed. */
  readonly promptTokenIds: Int32Array;
  /** What the request says that its answer will be, or be like. [nothing] */
  readonly predictedTokenIds?: Int32Array | undefined;
}

/** Creates a proposer for one answer. */
export type ProposerFactory = (context: ProposerContext) => Proposer;
