import type { ByteRange } from "../stored-weight.ts";

/** A library and a processor that weights are prepared for. */
export interface PreparationTarget {
  /** The same for the same library, processor and use of the weights. */
  readonly key: string;
  /** In words. */
  readonly description: string;
}

/** Bytes of a file. */
export interface FileRange extends ByteRange {
  readonly filePath: string;
}

/** Copies of a tensor in the order in which a library computes, and where they are. */
export interface CopiedTensor {
  readonly tensorName: string;
  readonly copies: readonly { readonly key: string; readonly parts: readonly FileRange[] }[];
}
