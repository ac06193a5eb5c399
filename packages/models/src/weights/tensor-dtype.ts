/** Element types, as safetensors names them. */
export type TensorDtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

const sizes: ReadonlyMap<string, number> = new Map<TensorDtype, number>([
  ["F64", 8],
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
  ["I64", 8],
  ["I32", 4],
  ["I16", 2],
  ["I8", 1],
  ["U8", 1],
  ["BOOL", 1],
]);

/** The names of all supported element types. */
export const tensorDtypes: readonly string[] = [...sizes.keys()];

/** Bytes of one element. */
export function dtypeSizeBytes(dtype: TensorDtype): number {
  return sizes.get(dtype) ?? 0;
}

/** Whether a name is that of a supported element type. */
export function isTensorDtype(value: string): value is TensorDtype {
  return sizes.has(value);
}
