/** For how much of edits a forward has room. */
export interface RowEditCapacity {
  /** Changes of single logits, of all rows together. */
  readonly edits: number;
  /** Rows with a mask. */
  readonly masks: number;
}

/**
 * What is done to rows of logits before tokens are taken of them, in flat arrays by row, in batch order. It is what the
 * host's `adjustLogits` and `maskLogits` do, in float64 rounded to float32 after each bias and after the penalties of a token;
 * NaN and infinite logits stay as they are.
 */
export interface RowEdits {
  /**
   * `(rows, 4)` where the biases of a row begin among `tokenIds`, its penalties, its suppressed tokens, and where these end.
   * Of biases, and of penalties, each token has one at most.
   */
  readonly bounds: Int32Array;
  /** `(edits)` ids; those from `tokenCount` on are passed over. */
  readonly tokenIds: Int32Array;
  /** `(edits)` of a bias what is added; of a penalty how often the token was generated, 0 where it is in the prompt only. */
  readonly values: Float64Array;
  /** How many entries of the two are used. */
  readonly editCount: number;
  /** `(rows, 3)` repetition, frequency and presence penalty. */
  readonly penalties: Float64Array;
  /** `(rows)` the mask of a row, or −1 for none. */
  readonly maskIndices: Int32Array;
  /** `(masks, ceil(vocabSize / 32))` bit `id % 32` of word `id / 32` lets a token come next. */
  readonly masks: Uint32Array;
  /** How many masks are used. */
  readonly maskCount: number;
}

/** Numbers of a row in `RowEdits.bounds`, and in `RowEdits.penalties`. */
export const rowBounds = 4;
export const rowPenalties = 3;
/** Of a row without a mask. */
export const noMask = -1;

/** Whether a row is changed at all. */
export function isRowEdited({ bounds, maskIndices }: RowEdits, row: number): boolean {
  const at = row * rowBounds;
  return maskIndices[row] !== noMask || bounds[at]! < bounds[at + rowBounds - 1]!;
}

/** Words of a mask. */
export function maskWords(vocabSize: number): number {
  return Math.ceil(vocabSize / 32);
}
