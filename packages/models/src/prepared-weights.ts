import { mkdir, rm } from "node:fs/promises";
import { createNodeFileAccess } from "./files/node-file-access.ts";
import type { QuantizedCheckpoint } from "./quantize-checkpoint.ts";
import type { RangeJobOptions } from "./weights/prepared/run-range-jobs.ts";
import type { CopiedTensor, PreparationTarget } from "./weights/prepared/preparation-target.ts";
import { readTensorFile, writeTensorFile, type TensorFile } from "./weights/prepared/tensor-file.ts";
import { hasStamp, identifyFile, writeStamp } from "./weights/quantize/file-stamp.ts";
import { partialPathOf } from "./weights/quantize/publish-file.ts";
import {
  readCachedMetadata,
  removeCachedWeights,
  touchCachedWeights,
} from "./weights/quantize/weight-cache.ts";
import { readSafetensorsHeader } from "./weights/safetensors/read-safetensors.ts";
import { isTensor, type StoredWeight, type TensorInfo } from "./weights/stored-weight.ts";
import type { WeightIndex } from "./weights/weight-index.ts";

/**
 * Finds the quantized weights of a checkpoint with copies for a target. They are compared with their checksums, unless
 * they were before and the file has not changed. `undefined` where there is nothing, or what is there is damaged.
 */
export async function findPreparedWeights(
  planned: QuantizedCheckpoint,
  target: PreparationTarget,
  options: RangeJobOptions,
): Promise<WeightIndex | undefined> {
  const path = pathFor(planned, target);
  try {
    const identity = await identifyFile(path);
    const file = await readTensorFile(path);
    const weights = replaceTensors(planned, file);
    if (weights === undefined) return undefined;
    if (!(await hasStamp(path))) {
      if (!(await file.verify(options))) return undefined;
      await writeStamp(path, identity);
    }
    await touchCachedWeights(path);
    // A process was ended before it did.
    await removeCachedWeights(planned.file);
    return weights;
  } catch {
    return undefined;
  }
}

/** Who makes the copies, and for what. */
export interface PreparationOptions extends RangeJobOptions {
  readonly target: PreparationTarget;
  /** Makes copies of the quantized weights in an empty directory. */
  readonly makeCopies: (directory: string) => Promise<readonly CopiedTensor[]>;
}

/**
 * Replaces the quantized weights of a checkpoint, which are on disk, by one file of them with copies. It is whole or
 * absent, also after a kill or where two processes write it; another process that reads the replaced file has to look
 * for this one again.
 * @throws Error of the system or of `makeCopies`
 */
export async function writePreparedWeights(
  planned: QuantizedCheckpoint,
  { target, makeCopies, ...options }: PreparationOptions,
): Promise<WeightIndex | undefined> {
  const path = pathFor(planned, target);
  const directory = partialPathOf(path);
  await mkdir(directory);
  try {
    await writeWithCopies(planned, { path, target, copied: await makeCopies(directory) }, options);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  await removeCachedWeights(planned.file);
  // What was just written is noted once it is on the disk; a start before that compares it with its checksums.
  void identifyFile(path)
    .then((identity) => writeStamp(path, identity))
    .catch(() => undefined);
  return replaceTensors(planned, await readTensorFile(path));
}

async function writeWithCopies(
  planned: QuantizedCheckpoint,
  {
    path,
    target,
    copied,
  }: {
    readonly path: string;
    readonly target: PreparationTarget;
    readonly copied: readonly CopiedTensor[];
  },
  options: RangeJobOptions,
): Promise<void> {
  const copies = new Map(copied.map(({ tensorName, copies: ofTensor }) => [tensorName, ofTensor]));
  const tensors = await readTensors(planned.file.path);
  const { checksums: _checksums, ...metadata } = await readCachedMetadata(planned.file.path);
  const content = {
    tensors: tensors.map((tensor) => ({ tensor, copies: copies.get(tensor.name) })),
    metadata: { ...metadata, preparedFor: target.description },
  };
  await writeTensorFile(path, content, options);
}

function pathFor({ file }: QuantizedCheckpoint, { key }: PreparationTarget): string {
  return file.path.replace(/\.safetensors$/, `-${key}.safetensors`);
}

async function readTensors(path: string): Promise<readonly TensorInfo[]> {
  const file = await createNodeFileAccess().open(path);
  try {
    return await readSafetensorsHeader({ path, file });
  } finally {
    await file.close();
  }
}

/** The weights with the tensors of another file; `undefined` where it does not have all of them. */
function replaceTensors(planned: QuantizedCheckpoint, file: TensorFile): WeightIndex | undefined {
  const byName = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  let isComplete = true;
  const replace = (tensor: TensorInfo): TensorInfo => {
    if (tensor.filePath !== planned.file.path) return tensor;
    const found = byName.get(tensor.name);
    const isSame = found?.dtype === tensor.dtype && found.shape.join() === tensor.shape.join();
    isComplete &&= isSame;
    return isSame ? found : tensor;
  };
  const { weights } = planned;
  const replaced = new Map<StoredWeight, StoredWeight>();
  const replaceWeight = (weight: StoredWeight): StoredWeight => {
    const parts = Object.entries(weight).map(([name, part]: [string, unknown]) => [
      name,
      isTensor(part) ? replace(part) : part,
    ]);
    return Object.fromEntries(parts) as StoredWeight;
  };
  for (const weight of planned.quantizedWeights.values()) replaced.set(weight, replaceWeight(weight));
  if (!isComplete) return undefined;
  return {
    ...weights,
    weight: (name) => {
      const weight = weights.weight(name);
      return weight === undefined ? undefined : (replaced.get(weight) ?? weight);
    },
  };
}
