import { ModelError } from "../errors.ts";
import { readFully } from "../files/read-file.ts";
import type { NamedFile } from "../files/read-file.ts";
import { tensorsOf } from "./stored-weight.ts";
import type { StoredWeight, TensorInfo } from "./stored-weight.ts";

/** Every tensor of a checkpoint, over all its files, without its data. */
export interface WeightIndex {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly totalBytes: number;
  readonly parameterCount: number;
  /** The weight of a name in the network; `undefined` where the checkpoint has none. */
  weight(name: string): StoredWeight | undefined;
  /** Reads one tensor's bytes, ranged; `into` avoids an allocation. */
  read(name: string, into?: Uint8Array): Promise<Uint8Array>;
  /** Reads a part of one tensor's bytes, half-open, counted from the tensor's start. */
  readRange(
    name: string,
    range: { readonly startByte: number; readonly endByte: number },
  ): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Makes an index of weights by name, each in one tensor. Owns the open files, by path, and closes them. */
export function createWeightIndex(
  weights: ReadonlyMap<string, StoredWeight>,
  files: ReadonlyMap<string, NamedFile>,
): WeightIndex {
  const tensors = new Map<string, TensorInfo>();
  let totalBytes = 0;
  let parameterCount = 0;
  for (const [name, weight] of weights) {
    tensors.set(name, weight.data);
    for (const { startByte, endByte } of tensorsOf(weight)) totalBytes += endByte - startByte;
    parameterCount += weight.shape.reduce((product, dimension) => product * dimension, 1);
  }
  let closing: Promise<void> | undefined;
  const find = (name: string): readonly [tensor: TensorInfo, file: NamedFile] => {
    if (closing !== undefined) {
      const mismatch = { expected: "open weights", got: "weights that were closed" };
      throw new ModelError("WEIGHTS_CLOSED", mismatch, { tensor: name });
    }
    const tensor = tensors.get(name);
    const file = tensor === undefined ? undefined : files.get(tensor.filePath);
    if (tensor === undefined || file === undefined) {
      const mismatch = { expected: "a tensor of this name", got: "none" };
      throw new ModelError("TENSOR_MISSING", mismatch, { tensor: name });
    }
    return [tensor, file];
  };
  return {
    tensors,
    totalBytes,
    parameterCount,
    weight: (name) => weights.get(name),
    async read(name, into): Promise<Uint8Array> {
      const [tensor, file] = find(name);
      const bytes = destination(tensor, into);
      await readFully(file, bytes, tensor.startByte);
      return bytes;
    },
    async readRange(name, { startByte, endByte }): Promise<Uint8Array> {
      const [tensor, file] = find(name);
      const sizeBytes = tensor.endByte - tensor.startByte;
      if (!(startByte >= 0 && startByte <= endByte && endByte <= sizeBytes)) {
        const mismatch = { expected: `a range within ${sizeBytes} bytes`, got: `${startByte} to ${endByte}` };
        throw new ModelError("INVALID_ARGUMENT", mismatch, { tensor: name });
      }
      const bytes = new Uint8Array(endByte - startByte);
      await readFully(file, bytes, tensor.startByte + startByte);
      return bytes;
    },
    async close(): Promise<void> {
      closing ??= closeFiles(files);
      await closing;
    },
  };
}

/** The same weights with one of them under another name. */
export function renameWeight(weights: WeightIndex, from: string, to: string): WeightIndex {
  const storedName = (name: string): string => (name === to ? from : name);
  return {
    ...weights,
    tensors: new Map([...weights.tensors].map(([name, tensor]) => [name === from ? to : name, tensor])),
    weight: (name) => (name === from ? undefined : weights.weight(storedName(name))),
    read: (name, into) => weights.read(storedName(name), into),
    readRange: (name, range) => weights.readRange(storedName(name), range),
  };
}

/** Closes files that were opened together. */
export async function closeFiles(files: ReadonlyMap<string, NamedFile>): Promise<void> {
  await Promise.all([...files.values()].map(async ({ file }) => file.close()));
}

function destination(tensor: TensorInfo, into: Uint8Array | undefined): Uint8Array {
  const sizeBytes = tensor.endByte - tensor.startByte;
  if (into === undefined) {
    return new Uint8Array(sizeBytes);
  }
  if (into.byteLength < sizeBytes) {
    const mismatch = { expected: `a buffer of at least ${sizeBytes} bytes`, got: String(into.byteLength) };
    throw new ModelError("INVALID_ARGUMENT", mismatch, { tensor: tensor.name });
  }
  return into.subarray(0, sizeBytes);
}
