import { architectureFor } from "./decoders/architecture-for.ts";
import { collectWeightRefs, isSameShape } from "./collect-weight-refs.ts";
import type { WeightRef } from "./decoder-builder.ts";
import { ModelError } from "../errors.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { tensorsOf } from "../weights/stored-weight.ts";
import type { StoredWeight } from "../weights/stored-weight.ts";
import type { TensorDtype } from "../weights/tensor-dtype.ts";
import type { WeightIndex } from "../weights/weight-index.ts";

/** Dtypes that a network's weights may be stored in. */
const weightDtypes: ReadonlySet<TensorDtype> = new Set<TensorDtype>(["F32", "F16", "BF16"]);

/** What `assertWeightsFit` found beside a fit. */
export interface WeightsFit {
  /** Names of tensors that the network does not use, such as rotary buffers or a tied output head. */
  readonly unusedTensors: readonly string[];
}

/**
 * Checks that every weight that the network needs is there with the exact shape, stored in a way that runs.
 *
 * @throws ModelError `TENSOR_MISSING`, `TENSOR_SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_QUANTIZATION`
 */
export function assertWeightsFit(config: ModelConfig, index: WeightIndex): WeightsFit {
  const refs = collectWeightRefs(architectureFor(config), config);
  const missing = [...refs.keys()].filter((name) => index.weight(name) === undefined);
  if (missing.length > 0) {
    assertNotPacked(missing, index);
    const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
    throw new ModelError(
      "TENSOR_MISSING",
      `wanted the ${refs.size} tensors of ${config.architecture} with ${config.layerCount} layers; ` +
        `missing: ${missing.slice(0, 3).join(", ")}${more}`,
      { tensor: missing[0] },
    );
  }
  const used = new Set<string>();
  for (const ref of refs.values()) {
    const weight = index.weight(ref.name);
    if (weight === undefined) continue;
    assertWeightFits(ref, weight);
    for (const { name } of tensorsOf(weight)) used.add(name);
  }
  return { unusedTensors: [...index.tensors.keys()].filter((name) => !used.has(name)).toSorted() };
}

/** GPTQ and AWQ store `….qweight` in place of `….weight`; older files do not say so in their config. */
function assertNotPacked(missing: readonly string[], index: WeightIndex): void {
  const packed = missing
    .map((name) => name.replace(/\.weight$/, ".qweight"))
    .find((name) => index.tensors.has(name));
  if (packed !== undefined) {
    throw new ModelError(
      "UNSUPPORTED_QUANTIZATION",
      `wanted weights stored as F32, F16 or BF16; found the quantized "${packed}". ` +
        "Use the checkpoint that they were made from",
      { file: index.tensors.get(packed)?.filePath, tensor: packed },
    );
  }
}

function assertWeightFits(ref: WeightRef, weight: StoredWeight): void {
  const tensor = weight.data;
  const place = { file: tensor.filePath, tensor: tensor.name };
  if (!isSameShape(ref.shape, weight.shape)) {
    throw new ModelError(
      "TENSOR_SHAPE_MISMATCH",
      `${tensor.filePath}: tensor "${tensor.name}": config.json wants (${ref.shape.join(", ")}), ` +
        `found (${weight.shape.join(", ")})`,
      place,
    );
  }
  if (weight.encoding === "block-quantized") {
    throw new ModelError(
      "UNSUPPORTED_QUANTIZATION",
      `${tensor.filePath}: weight "${ref.name}": wanted F32, F16 or BF16, ` +
        `found ${weight.bits}-bit blocks of ${weight.blockSize}, which no executor computes with`,
      place,
    );
  }
  if (!weightDtypes.has(tensor.dtype)) {
    throw new ModelError(
      "UNSUPPORTED_DTYPE",
      `${tensor.filePath}: tensor "${tensor.name}": wanted F32, F16 or BF16, found ${tensor.dtype}`,
      place,
    );
  }
}
