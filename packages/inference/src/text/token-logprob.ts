/** A token and how likely the model found it. */
export interface TokenCandidate {
  readonly tokenId: number;
  /** Decoded; a partial character shows as U+FFFD, see `bytes`. */
  readonly token: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** Natural logarithm, of the model's own distribution before penalties, bias and temperature. */
export interface TokenLogprob extends TokenCandidate {
  readonly top: readonly TokenCandidate[];
}
