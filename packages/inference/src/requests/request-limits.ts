/** Limits of a request's fields, for programs that check requests before the engine does. */
export const requestLimits: {
  readonly maxAnswers: number;
  readonly maxLogprobs: number;
  readonly maxStopStrings: number;
  /** Unicode characters of one stop string. */
  readonly maxStopCharacters: number;
  /** Sequences of tokens that are not generated. */
  readonly maxBannedSequences: number;
  /** Of one of them. */
  readonly maxBannedTokens: number;
  /** In both directions. */
  readonly maxLogitBias: number;
  /** The least signed and the largest unsigned integer of 64 bits. */
  readonly minSeed: bigint;
  readonly maxSeed: bigint;
} = Object.freeze({
  maxAnswers: 128,
  maxLogprobs: 20,
  maxStopStrings: 16,
  maxStopCharacters: 1024,
  maxBannedSequences: 512,
  maxBannedTokens: 64,
  maxLogitBias: 100,
  minSeed: -(2n ** 63n),
  maxSeed: 2n ** 64n - 1n,
});

/** Whether a string has at most this many Unicode characters, each of one or two UTF-16 units. */
export function hasAtMost(text: string, characterCount: number): boolean {
  if (text.length <= characterCount) return true;
  return text.length <= 2 * characterCount && Array.from(text).length <= characterCount;
}
