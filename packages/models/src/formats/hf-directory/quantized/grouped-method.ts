import type { ConfigFields } from "../../../config/config-fields.ts";
import type { WordPacking } from "../../../weights/stored-weight.ts";

/** How a method quantizes a weight, as the config says. */
export interface GroupSettings {
  readonly bits: number;
  /** Columns of one group; `undefined` where each row is one. */
  readonly groupSize: number | undefined;
  readonly hasZeroPoints: boolean;
}

/** Names of tensors in place of `weight`, and how those are packed. */
export interface GroupedTensors {
  readonly data: string;
  readonly dataPacking: WordPacking;
  readonly scales: string;
  readonly areScalesTransposed: boolean;
  readonly zeroPoints: string;
  readonly zeroPointPacking: WordPacking;
  /** The group of each column, I32. */
  readonly columnGroups?: string;
  /** The shape of the weight, where that of the words does not say. */
  readonly shape?: string;
}

/** The quantization of a checkpoint, as its config says. */
export interface GroupedQuantization {
  /** Such as `GPTQ`. */
  readonly method: string;
  /** Any of these, for each weight. */
  readonly settings: readonly GroupSettings[];
  readonly tensors: GroupedTensors;
}

/** Weights in two tensors: blocks of numbers, and their scales. */
export interface PackedQuantization {
  /** Such as `MXFP4`. */
  readonly method: string;
  /** What the names of the tensors have behind that of the weight. */
  readonly dataSuffix: string;
  readonly scalesSuffix: string;
}

/** One way to quantize a checkpoint. A new one is a file here and a line in `methods`. */
export interface QuantizationMethod {
  /** `quant_method`. */
  readonly name: string;
  /** @throws ModelError `UNSUPPORTED_QUANTIZATION`, `INVALID_CONFIG` */
  parse(config: ConfigFields): GroupedQuantization | PackedQuantization;
}
