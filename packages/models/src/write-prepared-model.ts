import { mkdir, open, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { ModelError } from "./errors.ts";
import { findModel } from "./formats/find-model.ts";
import { copyTextFiles } from "./formats/prepared/copy-text-files.ts";
import { preparedFile } from "./formats/prepared/prepared-file.ts";
import { describeWeights, preparedVersion, type PreparedMetadata } from "./formats/prepared/prepared.ts";
import { collectWeightRefs } from "./network/collect-weight-refs.ts";
import { openFoundCheckpoint, type Checkpoint } from "./open-checkpoint.ts";
import { quantizeCheckpoint, type QuantizedCheckpoint } from "./quantize-checkpoint.ts";
import { readModelText } from "./read-model-text.ts";
import type { QuantizationRecipe } from "./weights/quantize/recipes.ts";
import type { PreparationTarget } from "./weights/prepared/preparation-target.ts";
import type { CopiedTensor } from "./weights/prepared/preparation-target.ts";
import type { RangeJobOptions } from "./weights/prepared/run-range-jobs.ts";
import { writeTensorFile } from "./weights/prepared/tensor-file.ts";
import { identifyFile, writeStamp } from "./weights/quantize/file-stamp.ts";
import { publishFile } from "./weights/quantize/publish-file.ts";
import { readCachedMetadata } from "./weights/quantize/weight-cache.ts";
import type { WriteQuantizedOptions } from "./weights/quantize/write-quantized-file.ts";
import { tensorsOf, type StoredWeight, type TensorInfo } from "./weights/stored-weight.ts";

/** A checkpoint as an executor gets it. */
type PreparableCheckpoint = Pick<Checkpoint, "config" | "architecture" | "weights">;

/** How a model is prepared. */
export interface WritePreparedModelOptions extends RangeJobOptions, WriteQuantizedOptions {
  /** How dense matrices are quantized, and what the mode is called; they stay as they are without a recipe. */
  readonly quantize: (checkpoint: Checkpoint) => {
    readonly mode: string;
    readonly recipe: QuantizationRecipe | undefined;
  };
  /** Checks a checkpoint, and the model that is made of it, before anything is written. */
  readonly check?: ((checkpoint: Checkpoint, planned: PreparableCheckpoint) => Promise<void>) | undefined;
  readonly targetOf: (checkpoint: PreparableCheckpoint) => PreparationTarget;
  /** Makes copies of the quantized weights in an empty directory. */
  readonly makeCopies: (
    checkpoint: PreparableCheckpoint,
    directory: string,
  ) => Promise<readonly CopiedTensor[]>;
}

/** What was written. */
export interface PreparedModelSummary {
  readonly quantization: string;
  readonly target: PreparationTarget;
  readonly sizeBytes: number;
}

/**
 * Writes a directory with all that running a model takes: its weights as they are quantized, with copies in the order of
 * a library and a processor, and the files of its tokenizer and config. The directory is whole or absent.
 * @throws ModelError `INVALID_ARGUMENT` for a target that is not empty, `QUANTIZE_FAILED` and those of opening a model
 */
export async function writePreparedModel(
  source: string,
  directory: string,
  options: WritePreparedModelOptions,
): Promise<PreparedModelSummary> {
  const found = await findModel(source, {});
  const checkpoint = await openFoundCheckpoint(found, { signal: options.signal });
  try {
    await readModelText(found, checkpoint.config, { encodes: false });
    if (checkpoint.prepared !== undefined) {
      const mismatch = { expected: "a checkpoint", got: "a model that was prepared before" };
      throw new ModelError("INVALID_ARGUMENT", mismatch, { file: found.location.path });
    }
    await assertAbsentOrEmpty(directory);
    await options.check?.(checkpoint, await planWeights(checkpoint, directory, options));
    let summary: PreparedModelSummary | undefined;
    await publishFile(directory, async (partial) => {
      await mkdir(partial);
      summary = await writeWeights(checkpoint, partial, options);
      await copyTextFiles(found, partial);
      // A directory that is empty is replaced.
      await rmdir(directory).catch(() => undefined);
    });
    const path = join(directory, preparedFile);
    await writeStamp(path, await identifyFile(path));
    if (summary === undefined) throw new TypeError("expected a summary");
    return summary;
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (!isSystemError(cause)) throw cause;
    const mismatch = { expected: "to write the prepared model", got: cause.message };
    throw new ModelError("QUANTIZE_FAILED", mismatch, { file: directory, cause });
  } finally {
    await checkpoint.weights.close();
  }
}

/** Whether an error has a code of the system, such as `ENOSPC`. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code));
}

async function assertAbsentOrEmpty(directory: string): Promise<void> {
  let got: string;
  try {
    if ((await readdir(directory)).length === 0) return;
    got = "one with files";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    got = code === "ENOTDIR" ? "a file" : (error as Error).message;
  }
  const mismatch = { expected: "a directory that is absent or empty", got };
  throw new ModelError("INVALID_ARGUMENT", mismatch, { file: directory });
}

/** Plans quantized weights in a directory. */
function planWeights(
  checkpoint: Checkpoint,
  directory: string,
  { quantize }: Pick<WritePreparedModelOptions, "quantize">,
): Promise<QuantizedCheckpoint> {
  const { recipe = { quantization: undefined } } = quantize(checkpoint);
  return quantizeCheckpoint(checkpoint, { ...recipe, directory });
}

async function writeWeights(
  checkpoint: Checkpoint,
  directory: string,
  options: WritePreparedModelOptions,
): Promise<PreparedModelSummary> {
  const scratch = join(directory, "scratch");
  const copyDirectory = join(scratch, "copies");
  await mkdir(copyDirectory, { recursive: true });
  const planned = await planWeights(checkpoint, scratch, options);
  await planned.prepare(options);
  const { quantization = "" } = await readCachedMetadata(planned.file.path);
  const { config, weights } = planned;
  const prepared = { ...checkpoint, config, weights };
  const target = options.targetOf(prepared);
  const copied = await options.makeCopies(prepared, copyDirectory);
  const copies = new Map(copied.map(({ tensorName, copies: ofTensor }) => [tensorName, ofTensor]));
  const used = usedWeights(planned);
  const tensors = new Map<string, TensorInfo>();
  for (const tensor of [...used.values()].flatMap(tensorsOf)) tensors.set(tensor.name, tensor);
  const metadata: PreparedMetadata = {
    infernode: preparedVersion,
    source: checkpoint.directory,
    mode: options.quantize(checkpoint).mode,
    quantization,
    target: JSON.stringify(target),
    config: JSON.stringify(config),
    generationDefaults: JSON.stringify(checkpoint.generationDefaults),
    weights: describeWeights(used),
  };
  const content = {
    tensors: Array.from(tensors.values(), (tensor) => ({ tensor, copies: copies.get(tensor.name) })),
    metadata: { ...metadata },
  };
  const path = join(directory, preparedFile);
  await writeTensorFile(path, content, { ...options, onProgress: undefined });
  await rm(scratch, { recursive: true });
  const file = await open(path, "r+");
  try {
    await file.sync();
    return { quantization, target, sizeBytes: (await file.stat()).size };
  } finally {
    await file.close();
  }
}

function usedWeights({
  architecture,
  config,
  weights,
}: QuantizedCheckpoint): ReadonlyMap<string, StoredWeight> {
  const used = new Map<string, StoredWeight>();
  for (const { name } of collectWeightRefs(architecture, config).values()) {
    const weight = weights.weight(name);
    if (weight !== undefined) used.set(name, weight);
  }
  return used;
}
