/** How the next token is sampled. Defaults in brackets. */
export interface SamplingParams {
  /** 0 is greedy. [1] Range [0, 2]. */
  readonly temperature: number;
  /** [1] Range (0, 1]. */
  readonly topP: number;
  /** [0: off] */
  readonly topK: number;
  /** [0: off] Range [0, 1]. */
  readonly minP: number;
  /** [0] Range [−2, 2]; over generated tokens. */
  readonly presencePenalty: number;
  /** [0] Range [−2, 2]; over generated tokens. */
  readonly frequencyPenalty: number;
  /** [1: off] Above 0; over prompt and generated tokens. */
  readonly repetitionPenalty: number;
  /** Added to the logits by token id. Range [−100, 100]. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** The only tokens that are generated, end-of-sequence tokens included; not empty. [all] */
  readonly allowedTokenIds: readonly number[] | undefined;
  /** Sequences of tokens that are not generated: the last token of one does not follow the others. [none] */
  readonly bannedSequences: readonly (readonly number[])[];
  /** Same seed, same text. [random] Integer from −2⁶³ to 2⁶⁴ − 1, modulo 2⁶⁴. */
  readonly seed: number | bigint | undefined;
}

/** The parameters of a request that sets none. */
export const defaultSamplingParams: SamplingParams = Object.freeze<SamplingParams>({
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: new Map(),
  allowedTokenIds: undefined,
  bannedSequences: Object.freeze([]),
  seed: undefined,
});
