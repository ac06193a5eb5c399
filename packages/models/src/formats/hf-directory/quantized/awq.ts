import type { WordPacking } from "../../../weights/stored-weight.ts";
import type { QuantizationMethod } from "./grouped-method.ts";
import { readBits, readGroupSize, readName } from "./setting-fields.ts";

const packing: WordPacking = { axis: "rows", isTransposed: true, order: [0, 2, 4, 6, 1, 3, 5, 7] };

/** As AutoAWQ writes it in its version `gemm`. @see autoawq, `modules/linear/gemm.py` */
export const awq: QuantizationMethod = {
  name: "awq",
  parse(config) {
    const oneOf = (...names: readonly string[]): string =>
      names.find((name) => config.has(name)) ?? names[0] ?? "";
    readName(config, oneOf("version", "checkpoint_format", "format"), ["gemm"]);
    if (!config.boolean("zero_point", true)) {
      throw config.invalid("zero_point", "true", { code: "UNSUPPORTED_QUANTIZATION" });
    }
    const bits = readBits(config, oneOf("bits", "w_bit"), [4]);
    const groupSize = readGroupSize(config, oneOf("group_size", "q_group_size"));
    return {
      method: "AWQ",
      settings: [{ bits, groupSize, hasZeroPoints: true }],
      tensors: {
        data: "qweight",
        dataPacking: packing,
        scales: "scales",
        areScalesTransposed: true,
        zeroPoints: "qzeros",
        zeroPointPacking: packing,
      },
    };
  },
};
