import type { StoredWeight, TensorDtype, TensorInfo, WeightIndex, WeightRef } from "@infernode/models";
import { InferenceError } from "../../../errors.ts";

/** A tensor in device memory: its bytes as they are stored, or its numbers as float32. */
export interface TensorUse {
  readonly tensor: TensorInfo;
  readonly as: "stored" | "float32";
}

/** Vectors one after the other in float32, with a number added to each of theirs. */
export interface VectorUse {
  readonly tensors: readonly TensorInfo[];
  readonly offset: 0 | 1;
}

/** How the numbers of a matrix are stored. */
export type MatrixEncoding =
  | { readonly kind: "dense"; readonly dtype: "f32" | "f16" | "bf16"; readonly isTransposed: boolean }
  | { readonly kind: "blocks"; readonly bits: 4 | 8; readonly blockSize: number }
  /** Rows of one block of 8 bits, stored by column, for an input whose blocks of features are rotated. */
  | { readonly kind: "rotated"; readonly rotation: number };

/** A matrix that rows are multiplied with. */
export interface MatrixWeight {
  readonly encoding: MatrixEncoding;
  /** Data, scales, zero points, minima, order of columns. */
  readonly parts: readonly [
    TensorUse,
    TensorUse | undefined,
    TensorUse | undefined,
    TensorUse | undefined,
    TensorUse | undefined,
  ];
  readonly bias: VectorUse | undefined;
}

const denseDtypes: Partial<Record<TensorDtype, "f32" | "f16" | "bf16">> = {
  F32: "f32",
  F64: "f32",
  F16: "f16",
  BF16: "bf16",
};

/** Finds weights of a checkpoint, in the shapes that the network expects. */
export class WeightUses {
  readonly #weights: Pick<WeightIndex, "weight">;

  constructor(weights: Pick<WeightIndex, "weight">) {
    this.#weights = weights;
  }

  /** @throws InferenceError `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL` */
  matrix(ref: WeightRef, bias: WeightRef | undefined): MatrixWeight {
    const weight = this.#stored(ref);
    const added = bias && this.vector([bias], 0);
    if (weight.encoding === "dense") {
      const dtype = denseDtype(ref, weight.data.dtype);
      const isTransposed = weight.isTransposed === true;
      const parts = [denseUse(weight.data), undefined, undefined, undefined, undefined] as const;
      return { encoding: { kind: "dense", dtype, isTransposed }, parts, bias: added };
    }
    if (weight.encoding !== "block-quantized") throw notNumbers(ref, weight);
    const { data, scales, zeroPoints, minima, columnOrder, rotation, bits, blockSize } = weight;
    const parts = [data, scales, zeroPoints, minima, columnOrder].map(
      (tensor): TensorUse | undefined => tensor && { tensor, as: "stored" },
    ) as unknown as MatrixWeight["parts"];
    if (rotation !== undefined) return { encoding: { kind: "rotated", rotation }, parts, bias: added };
    if (bits !== 4 && bits !== 8) throw notNumbers(ref, weight);
    return { encoding: { kind: "blocks", bits, blockSize }, parts, bias: added };
  }

  /** @throws InferenceError `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL` */
  vector(refs: readonly WeightRef[], offset: 0 | 1): VectorUse {
    const tensors = refs.map((ref) => {
      const weight = this.#stored(ref);
      if (weight.encoding !== "dense") throw notNumbers(ref, weight);
      denseDtype(ref, weight.data.dtype);
      return weight.data;
    });
    return { tensors, offset };
  }

  #stored(ref: WeightRef): StoredWeight {
    const weight = this.#weights.weight(ref.name);
    const expected = ref.shape.join(" × ");
    const got = weight?.shape.join(" × ") ?? "no such tensor";
    if (weight === undefined || expected !== got) {
      throw new InferenceError("SHAPE_MISMATCH", { field: ref.name, expected, got });
    }
    return weight;
  }
}

function denseUse(tensor: TensorInfo): TensorUse {
  return { tensor, as: tensor.dtype === "F64" ? "float32" : "stored" };
}

function denseDtype({ name }: WeightRef, dtype: TensorDtype): "f32" | "f16" | "bf16" {
  const known = denseDtypes[dtype];
  if (known !== undefined) return known;
  const expected = "F32, F16, BF16 or F64";
  throw new InferenceError("UNSUPPORTED_DTYPE", { field: name, expected, got: dtype });
}

function notNumbers({ name }: WeightRef, weight: StoredWeight): InferenceError {
  const got =
    weight.encoding === "packed"
      ? `packed ${weight.packing}`
      : `integers of ${"bits" in weight ? weight.bits : 0} bits`;
  return new InferenceError("UNSUPPORTED_MODEL", { field: name, expected: "a weight of numbers", got });
}
