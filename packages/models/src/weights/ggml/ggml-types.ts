import type { Packing } from "../stored-weight.ts";
import type { TensorDtype } from "../tensor-dtype.ts";
import type { BlockLayout } from "../block-layout.ts";
import type { BlockFormat } from "./block-format.ts";
import { iq4_xs, q2_k, q3_k, q4_k, q5_k, q6_k } from "./k-blocks.ts";
import { mxfp4 } from "./mxfp4-blocks.ts";
import { iq4_nl, q4_0, q4_1, q5_0, q5_1, q8_0 } from "./simple-blocks.ts";

/** The block types of GGUF that can be read. */
export const blockFormats: Readonly<Record<Packing, BlockFormat>> = {
  Q4_0: q4_0,
  Q4_1: q4_1,
  Q5_0: q5_0,
  Q5_1: q5_1,
  Q8_0: q8_0,
  Q2_K: q2_k,
  Q3_K: q3_k,
  Q4_K: q4_k,
  Q5_K: q5_k,
  Q6_K: q6_k,
  IQ4_NL: iq4_nl,
  IQ4_XS: iq4_xs,
  MXFP4: mxfp4,
};

/** A type of a tensor in a GGUF file. */
export type GgmlType = Packing | Exclude<TensorDtype, "U8" | "BOOL">;

/** The names of all types by their number in the file; those that cannot be read are named, for errors. */
const typeNames: ReadonlyMap<number, string> = new Map([
  ...["F32", "F16", "Q4_0", "Q4_1", "Q4_2", "Q4_3", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K"].entries(),
  ...["Q4_K", "Q5_K", "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S"].map(
    (name, at) => [12 + at, name] as const,
  ),
  ...["IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M", "BF16"].map(
    (name, at) => [22 + at, name] as const,
  ),
  ...["TQ1_0", "TQ2_0"].map((name, at) => [34 + at, name] as const),
  [39, "MXFP4"],
  [40, "NVFP4"],
]);

const denseTypes: readonly string[] = ["F32", "F16", "BF16", "F64", "I8", "I16", "I32", "I64"];

/** The names of the types that can be read. */
export const readableTypes: readonly string[] = [...denseTypes, ...Object.keys(blockFormats)];

/** The name of a type by its number in the file. */
export function ggmlTypeName(id: number): string {
  return typeNames.get(id) ?? `type ${id}`;
}

/** Whether a name is that of a type that can be read. */
export function isReadableType(name: string): name is GgmlType {
  return readableTypes.includes(name);
}

/** Whether a type is one of blocks. */
export function isPacking(type: GgmlType): type is Packing {
  return Object.hasOwn(blockFormats, type);
}

/** What blocks of a type are unpacked to. */
export function layoutOf(packing: Packing): BlockLayout {
  const { bits, blockSize, hasMinima } = blockFormats[packing];
  return { bits, blockSize, hasMinima };
}
