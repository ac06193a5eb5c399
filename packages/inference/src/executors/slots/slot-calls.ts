/** A chunk of one sequence's prompt. */
export interface PrefillChunk {
  readonly slot: number;
  readonly tokenIds: Int32Array;
  readonly startPosition: number;
  /** Rows of logits, after the last tokens. */
  readonly logitCount: number;
  /** Index in `logits` of the first of them. */
  readonly firstRow: number;
}

/** How an executor computes on its slots. */
export interface SlotCalls {
  /** The longest chunk that `prefill` takes. */
  readonly maxChunkTokens: number;
  /** `(maxSequences)` token of each decoding sequence, by slot. */
  readonly decodeTokenIds: Int32Array;
  /** `(maxSequences)` position of that token. */
  readonly decodePositions: Int32Array;
  /** Rows of `(vocabSize)`. A decode fills the rows of its slots. */
  readonly logits: readonly Float32Array[];
  /** Runs one token of each sequence in the slots `0 … count − 1`, with logits. */
  decode(count: number, longestTokens: number): Promise<void>;
  /** Runs a chunk of one sequence. */
  prefill(chunk: PrefillChunk): Promise<void>;
}
