import type { ConfigFields } from "../../../config/config-fields.ts";
import type { QuantizationMethod, GroupedTensors, GroupSettings } from "./grouped-method.ts";
import { assertAbsent, readBits, readGroupSize, readName } from "./setting-fields.ts";

const widths = [2, 3, 4, 8];

/**
 * As AutoGPTQ and GPTQModel write it: version 1 (`gptq`), whose zero points are stored minus one, and 2 (`gptq_v2`).
 * @see gptqmodel, `utils/model.py`; auto_gptq, `nn_modules/qlinear/qlinear_cuda_old.py`
 */
export const gptq: QuantizationMethod = {
  name: "gptq",
  parse(config) {
    const formatField = config.has("checkpoint_format") ? "checkpoint_format" : "format";
    const format = readName(config, formatField, ["gptq", "gptq_v2"]);
    readName(config, "pack_dtype", ["int32"]);
    for (const field of ["is_marlin_format", "rotation"]) assertAbsent(config, field);
    const all: GroupSettings = {
      bits: readBits(config, "bits", widths),
      groupSize: readGroupSize(config, "group_size"),
      hasZeroPoints: true,
    };
    return {
      method: "GPTQ",
      settings: [all, ...readOverrides(config, all)],
      tensors: tensorsOf(format === "gptq"),
    };
  },
};

function tensorsOf(isOneLess: boolean): GroupedTensors {
  return {
    data: "qweight",
    dataPacking: { axis: "columns", isTransposed: true },
    scales: "scales",
    areScalesTransposed: true,
    zeroPoints: "qzeros",
    zeroPointPacking: { axis: "rows", isTransposed: true, isOneLess },
    columnGroups: "g_idx",
  };
}

/** What GPTQModel quantizes otherwise, by patterns of names: which hold for a weight is seen by its shapes. */
function readOverrides(config: ConfigFields, { bits, groupSize }: GroupSettings): readonly GroupSettings[] {
  const dynamic = config.object("dynamic");
  const rules = (dynamic?.names() ?? []).map((name) => dynamic?.object(name));
  return rules
    .filter((rule) => rule !== undefined)
    .map((rule) => ({
      bits: rule.has("bits") ? readBits(rule, "bits", widths) : bits,
      groupSize: rule.has("group_size") ? readGroupSize(rule, "group_size") : groupSize,
      hasZeroPoints: true,
    }));
}
