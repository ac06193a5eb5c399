import type { ConfigFields } from "../../../config/config-fields.ts";
import type { QuantizationMethod, GroupSettings } from "./grouped-method.ts";
import { assertAbsent, readBits, readGroupSize, readName } from "./setting-fields.ts";

const format = "pack-quantized";

/**
 * The format `pack-quantized` of compressed-tensors, as llm-compressor writes it: weights of 4 or 8 bits, activations
 * that are not quantized.
 * @see compressed_tensors, `compressors/pack_quantized/base.py`
 */
export const compressedTensors: QuantizationMethod = {
  name: "compressed-tensors",
  parse(config) {
    readName(config, "format", [format, "mixed-precision"]);
    const sparsity = config.object("sparsity_config");
    if (sparsity !== undefined) readName(sparsity, "format", ["dense"]);
    const transforms = config.object("transform_config");
    if (transforms !== undefined) assertAbsent(transforms, "config_groups");
    const schemes = config.object("config_groups");
    const settings = (schemes?.names() ?? [])
      .map((name) => schemes?.object(name))
      .filter((scheme) => scheme !== undefined)
      .map(readScheme);
    if (settings.length === 0) {
      throw config.invalid("config_groups", "at least one group", { code: "UNSUPPORTED_QUANTIZATION" });
    }
    return {
      method: "compressed-tensors",
      settings,
      tensors: {
        data: "weight_packed",
        dataPacking: { axis: "columns", isTransposed: false },
        scales: "weight_scale",
        areScalesTransposed: false,
        zeroPoints: "weight_zero_point",
        zeroPointPacking: { axis: "rows", isTransposed: false },
        columnGroups: "weight_g_idx",
        shape: "weight_shape",
      },
    };
  },
};

function readScheme(scheme: ConfigFields): GroupSettings {
  for (const field of ["input_activations", "output_activations"]) assertAbsent(scheme, field);
  readName(scheme, "format", [format]);
  const weights = scheme.object("weights");
  if (weights === undefined) throw scheme.invalid("weights", "an object");
  readName(weights, "type", ["int"]);
  const strategies = (weights.raw("group_size") ?? -1) === -1 ? ["channel", "group"] : ["group", "channel"];
  const strategy = readName(weights, "strategy", strategies);
  return {
    bits: readBits(weights, "num_bits", [4, 8]),
    groupSize: strategy === "group" ? readGroupSize(weights, "group_size") : undefined,
    hasZeroPoints: !weights.boolean("symmetric", true),
  };
}
