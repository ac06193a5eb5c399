import { rename, rm, truncate } from "node:fs/promises";
import type { QuantizedCheckpoint } from "./quantize-checkpoint.ts";
import { appendCopies, type CopyGroup } from "./weights/prepared/append-copies.ts";
import type { RangeJobOptions } from "./weights/prepared/run-range-jobs.ts";
import type { CopiedTensor, PreparationTarget } from "./weights/prepared/preparation-target.ts";
import { readTensorFile, type TensorFile } from "./weights/prepared/tensor-file.ts";
import { hasStamp, identifyFile, removeStamp, writeStamp } from "./weights/quantize/file-stamp.ts";
import { partialPathOf } from "./weights/quantize/publish-file.ts";
import { removeCachedWeights, touchCachedWeights } from "./weights/quantize/weight-cache.ts";
import { isTensor, tensorsOf, type StoredWeight, type TensorInfo } from "./weights/stored-weight.ts";
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
    const weights = replaceTensors(planned, tensorsOfFile(file));
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

/** Which copies are made, and where. */
export interface CopyRequest {
  /** The weights, as they are on the disk at this moment. */
  readonly weights: WeightIndex;
  readonly weightNames: readonly string[];
  /** An empty directory. */
  readonly directory: string;
}

/** Who makes the copies, and for what. */
export interface PreparationOptions extends RangeJobOptions {
  readonly target: PreparationTarget;
  /** Makes copies of some weights; it is called for several at the same time. */
  readonly makeCopies: (request: CopyRequest) => Promise<readonly CopiedTensor[]>;
}

/**
 * Makes one file with copies of the quantized weights of a checkpoint, which are on disk: it takes their file, appends
 * the copies and gives it another name. It is whole or absent, also after a kill or where two processes write it. Where
 * the copies cannot be made, the file is there as it was; another process that reads it meanwhile has to look for it
 * again.
 * @throws Error of the system or of `makeCopies`
 */
export async function writePreparedWeights(
  planned: QuantizedCheckpoint,
  { target, makeCopies, ...options }: PreparationOptions,
): Promise<WeightIndex | undefined> {
  const path = pathFor(planned, target);
  const taken = partialPathOf(path);
  await rename(planned.file.path, taken);
  try {
    const weights = replaceTensors(planned, (tensor) => ({ ...tensor, filePath: taken }));
    if (weights === undefined) return undefined;
    await appendCopies(
      taken,
      {
        groups: groupWeights(planned),
        makeCopies: (weightNames, directory) => makeCopies({ weights, weightNames, directory }),
        metadata: { preparedFor: target.description },
      },
      options,
    );
    await rename(taken, path);
  } catch (error) {
    await giveBack(planned, taken);
    throw error;
  }
  await removeStamp(planned.file.path);
  // What was just written is noted once it is on the disk; a start before that compares it with its checksums.
  void identifyFile(path)
    .then((identity) => writeStamp(path, identity))
    .catch(() => undefined);
  return replaceTensors(planned, tensorsOfFile(await readTensorFile(path)));
}

/** Removes what was appended. */
async function giveBack({ file }: QuantizedCheckpoint, taken: string): Promise<void> {
  try {
    await truncate(taken, file.sizeBytes);
    await rename(taken, file.path);
  } catch {
    await rm(taken, { force: true });
  }
}

/** Bytes of the weights whose copies are made together: what is written before it is copied is small. */
const groupBytes: number = 48 * 2 ** 20;

function groupWeights({ quantizedWeights }: QuantizedCheckpoint): readonly CopyGroup[] {
  const groups: { weightNames: string[]; sizeBytes: number }[] = [];
  for (const [name, weight] of quantizedWeights) {
    const sizeBytes = tensorsOf(weight).reduce((sum, tensor) => sum + tensor.endByte - tensor.startByte, 0);
    const last = groups.at(-1);
    if (last === undefined || last.sizeBytes + sizeBytes > groupBytes) {
      groups.push({ weightNames: [name], sizeBytes });
    } else {
      last.weightNames.push(name);
      last.sizeBytes += sizeBytes;
    }
  }
  return groups;
}

function pathFor({ file }: QuantizedCheckpoint, { key }: PreparationTarget): string {
  return file.path.replace(/\.safetensors$/, `-${key}.safetensors`);
}

type FindTensor = (tensor: TensorInfo) => TensorInfo | undefined;

/** The tensors of a file by name, where they are of the same type and shape. */
function tensorsOfFile(file: TensorFile): FindTensor {
  const byName = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  return ({ name, dtype, shape }) => {
    const found = byName.get(name);
    return found?.dtype === dtype && found.shape.join() === shape.join() ? found : undefined;
  };
}

/** The weights with other tensors in place of the planned ones; `undefined` where one of them is not found. */
function replaceTensors(planned: QuantizedCheckpoint, find: FindTensor): WeightIndex | undefined {
  let isComplete = true;
  const replace = (tensor: TensorInfo): TensorInfo => {
    if (tensor.filePath !== planned.file.path) return tensor;
    const found = find(tensor);
    isComplete &&= found !== undefined;
    return found ?? tensor;
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
