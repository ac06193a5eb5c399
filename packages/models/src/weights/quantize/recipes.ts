import type { Quantization, RowQuantization } from "../block-layout.ts";

/** How the matrices of a network are quantized. */
export interface QuantizationRecipe {
  readonly quantization: Quantization | RowQuantization;
  /** How the output head and the projections to keys and values are. [as the others] */
  readonly sensitive?: Quantization | RowQuantization | undefined;
}

/**
 * In blocks of 128 products are faster than in shorter ones. What 4 bits then lose more is won back where it costs few
 * bytes: with zero points, and with 8 bits in the head, keys and values.
 */
export const quantizationRecipes: Readonly<Record<"int8" | "int4", QuantizationRecipe>> = {
  int8: { quantization: { bits: 8, blockSize: "row" } },
  int4: { quantization: { bits: 4, blockSize: 128 }, sensitive: { bits: 8, blockSize: 128 } },
};

/** `int8` for products that multiply blocks, such as those of a GPU's tensor cores. */
export const int8BlockRecipe: QuantizationRecipe = { quantization: { bits: 8, blockSize: 32 } };
