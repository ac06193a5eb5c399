import type { AttentionRotary } from "@infernode/models";
import type { KvSlots } from "../../slots/kv-slots.ts";
import type { TensorFlow, TfTensor } from "../runtime/tensorflow.ts";

/** The rows of one sequence in a pass. */
export interface PassSequence {
  readonly slot: number;
  readonly firstRow: number;
  readonly rowCount: number;
  /** Position of the first of them. */
  readonly startPosition: number;
}

/** Rows whose product an adapter changes. */
export interface PassAdapter {
  /** `(rank, in)` and `(rank, out)`. */
  readonly down: Float32Array;
  readonly up: Float32Array;
  readonly rank: number;
  /** `(rows)`: 1 for the rows of sequences with this adapter; `undefined` where all have it. */
  readonly mask: Float32Array | undefined;
}

/** Cosines and sines of each row, `(rows, 1, dim / 2)`. */
export interface PassRotation {
  readonly cos: TfTensor;
  readonly sin: TfTensor;
}

/** One run of the network: a row for each token. */
export interface Pass {
  readonly tf: TensorFlow;
  readonly kv: KvSlots;
  /** `(rows)` */
  readonly tokenIds: Int32Array;
  /** `(rows)` */
  readonly positions: Int32Array;
  readonly sequences: readonly PassSequence[];
  /** The rows that logits are wanted of. */
  readonly logitRows: Int32Array;
  rotationOf(rotary: AttentionRotary): PassRotation;
  /** What changes the product with a weight. */
  adaptersOf(weightName: string): readonly PassAdapter[];
}
