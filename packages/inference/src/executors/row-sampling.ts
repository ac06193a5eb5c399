import type { RowEdits } from "./row-edits.ts";

/**
 * How an executor that samples makes tokens of rows of logits, in flat arrays by row, in batch order. The tokens are those
 * that the host's sampler draws of the same logits.
 */
export interface RowSampling {
  /** `(rows)` 1 where only the token is wanted, 0 where the logits are. */
  readonly isSampled: Uint8Array;
  /** `(rows)` 0 takes the most likely token; of equally likely ones the lowest id. */
  readonly temperatures: Float64Array;
  /**
   * `(rows)` max(ln(min-p), −50). A token has no weight whose logit is below the largest by more than this times the
   * temperature; the others have e^((logit − largest) / temperature).
   */
  readonly exponentFloors: Float64Array;
  /** `(rows)` 0 is off. */
  readonly topKs: Int32Array;
  /** `(rows)` 1 is off. */
  readonly topPs: Float64Array;
  /** `(rows)` in [0, 1): the first token by id is drawn up to which the weights are above this share of all. */
  readonly uniforms: Float64Array;
  /** Ids from here on are not sampled: rows of the output head without a token. At most `vocabSize`. */
  readonly tokenCount: number;
  /** How sampled rows are changed before; only for executors with room for edits. [not at all] */
  readonly edits?: RowEdits | undefined;
  /**
   * `(rows)` of sampled rows, how many of the likeliest tokens are wanted beside log-probability and rank of the sampled one, all of
   * the logits before edits; −1 where none of these are. Only for executors that rank, up to their `maxTopCount`. [−1]
   */
  readonly topCounts?: Int32Array | undefined;
}

/** In `RowSampling.topCounts`. */
export const noLogprobs = -1;
