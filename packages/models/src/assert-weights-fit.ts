import type { ModelConfig } from "./config/model-config.ts";
import { listNames, ModelError } from "./errors.ts";
import { architectureFor } from "./families/find-family.ts";
import { collectWeightRefs } from "./network/collect-weight-refs.ts";
import type { WeightRef } from "./network/decoder-builder.ts";
import { isSameShape, shapeText } from "./weights/shape.ts";
import { tensorsOf, typeOf } from "./weights/stored-weight.ts";
import type { StoredWeight } from "./weights/stored-weight.ts";
import type { TensorDtype } from "./weights/tensor-dtype.ts";
import type { WeightIndex } from "./weights/weight-index.ts";

/** The dtypes that executors read. */
const weightDtypes: ReadonlySet<TensorDtype> = new Set<TensorDtype>(["F32", "F16", "BF16"]);

/** The result of `assertWeightsFit`. */
export interface WeightsFit {
  /** Names of tensors that the network does not use, such as rotary buffers or a tied output head. */
  readonly unusedTensors: readonly string[];
}

/**
 * Checks that every weight of the network is there, with the exact shape and in a supported encoding.
 *
 * @throws ModelError `TENSOR_MISSING`, `TENSOR_SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_QUANTIZATION`
 */
export function assertWeightsFit(
  config: ModelConfig,
  index: WeightIndex,
  { isPrepared = false }: { readonly isPrepared?: boolean } = {},
): WeightsFit {
  const refs = collectWeightRefs(architectureFor(config), config);
  const missing = [...refs.keys()].filter((name) => index.weight(name) === undefined);
  if (missing.length > 0) {
    throw new ModelError(
      "TENSOR_MISSING",
      {
        expected: `${refs.size} tensors of ${config.architecture} with ${config.layerCount} layers`,
        got: `none named ${listNames(missing, 3)}`,
      },
      { tensor: missing[0] },
    );
  }
  const used = new Set<string>();
  for (const ref of refs.values()) {
    const weight = index.weight(ref.name);
    if (weight === undefined) continue;
    assertWeightFits(ref, weight, isPrepared);
    for (const { name } of tensorsOf(weight)) used.add(name);
  }
  const names = Array.from(index.tensors.values(), ({ name }) => name);
  return { unusedTensors: names.filter((name) => !used.has(name)).toSorted() };
}

function assertWeightFits(ref: WeightRef, weight: StoredWeight, isPrepared: boolean): void {
  const { dtype, filePath, name } = weight.data;
  const place = { file: filePath, tensor: name };
  if (!isSameShape(ref.shape, weight.shape)) {
    const mismatch = { expected: `${shapeText(ref.shape)}, by the config`, got: shapeText(weight.shape) };
    throw new ModelError("TENSOR_SHAPE_MISMATCH", mismatch, place);
  }
  const expected = "F32, F16 or BF16";
  if (weight.encoding === "block-quantized") {
    if (isPrepared) return;
    const got = `${weight.bits}-bit blocks of ${weight.blockSize}, which no executor computes with`;
    throw new ModelError("UNSUPPORTED_QUANTIZATION", { expected, got }, place);
  }
  if (weight.encoding !== "dense") {
    if (ref.shape.length === 2) return;
    throw new ModelError("UNSUPPORTED_DTYPE", { expected, got: typeOf(weight) }, place);
  }
  if (!weightDtypes.has(dtype)) throw new ModelError("UNSUPPORTED_DTYPE", { expected, got: dtype }, place);
}
