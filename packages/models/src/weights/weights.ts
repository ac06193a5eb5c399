/** Element types that a header may name, in safetensors' words. */
export type TensorDtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** Where one tensor's bytes are. Little-endian, row-major. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** Absolute path of the file that holds the bytes. */
  readonly filePath: string;
  /** Byte range in that file, half-open. */
  readonly startByte: number;
  readonly endByte: number;
}

/** Every tensor of a checkpoint, over all its shards. No tensor data is held. */
export interface WeightIndex {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly totalBytes: number;
  readonly parameterCount: number;
  /** Reads one tensor's bytes, ranged; `into` avoids an allocation. */
  read(name: string, into?: Uint8Array): Promise<Uint8Array>;
  /** Reads a part of one tensor's bytes, half-open, counted from the tensor's start. */
  readRange(
    name: string,
    range: { readonly startByte: number; readonly endByte: number },
  ): Promise<Uint8Array>;
  close(): Promise<void>;
}
