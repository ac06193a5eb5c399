import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutorProvider } from "@infernode/inference";
import {
  countDenseProducts,
  findPreparedWeights,
  hasPackedWeights,
  makeRoomInCache,
  int8BlockRecipe,
  type QuantizationRecipe,
  quantizationRecipes,
  quantizeCheckpoint,
  touchCachedWeights,
  withoutCopies,
  writePreparedWeights,
  type Checkpoint,
  type PreparedNetwork,
  type QuantizedCheckpoint,
  type WeightIndex,
} from "@infernode/models";
import type { QuantizeMode } from "../../config/config.ts";
import type { WeightMode } from "../../weight-mode.ts";
import { engineDefaults } from "../../config/engine-defaults.ts";
import { makeDirectory } from "../cache/make-directory.ts";
import { defaultCacheDirectory } from "../cache/cache-directory.ts";
import type { EngineCoreOptions } from "./engine-core.ts";

/** Below this many numbers in dense matrices `auto` quantizes nothing: see docs/quantization.md. */
const minNumbersToQuantize = 5_000_000;

/** What becomes of the dense matrices of a checkpoint. */
export function resolveMode(model: Checkpoint, mode: QuantizeMode): WeightMode {
  if (mode !== "auto") return mode;
  return countDenseProducts(model) < minNumbersToQuantize ? "none" : "int8";
}

/** Weights that are on disk as an executor needs them. */
export interface WrittenWeights<Model> {
  readonly model: Model;
  /** An earlier start found all weights to be finite, and they have not changed since. */
  readonly hasFiniteWeights: boolean;
  /** Called when the executor has opened them. */
  readonly release: () => Promise<void>;
}

export interface WriteWeightsOptions {
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  /** Told where the weights could not be kept. */
  readonly onWarning: (message: string) => void;
}

/** A model as it is planned: its weights may have to be written first. */
export interface QuantizableModel<Model> {
  readonly model: Model;
  /** What becomes of dense matrices; what `auto` chose. */
  readonly quantization: WeightMode;
  /** @throws ModelError `QUANTIZE_FAILED` */
  readonly write: (options: WriteWeightsOptions) => Promise<WrittenWeights<Model>>;
}

/** What weights are quantized for. */
export type WeightUser = Pick<ExecutorProvider, "isFasterQuantized" | "int8Layout" | "prepacking">;

type QuantizeOptions = Pick<
  EngineCoreOptions,
  "quantize" | "cacheDirectory" | "cacheLimitBytes" | "threads"
> &
  Partial<Pick<EngineCoreOptions, "runtime">>;

/** Codes of a directory that cannot take the weights, where another one may. */
const storageCodes: ReadonlySet<unknown> = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOSPC",
  "EDQUOT",
  "EFBIG",
  "ENOTDIR",
  "ENOENT",
]);

/** How often another process may remove the weights between their verification and their use. */
const maxAttempts = 3;

/** Bytes of the copies of weights, to those of the weights; at most. */
const copiesRatio = 1.5;

function recipeOf(mode: Exclude<WeightMode, "none">, { int8Layout }: WeightUser): QuantizationRecipe {
  return mode === "int8" && int8Layout === "blocks" ? int8BlockRecipe : quantizationRecipes[mode];
}

/** Plans the quantization of a loaded model as the options say; reads and writes nothing yet. */
export async function quantizeModel<Model extends Checkpoint & { readonly name: string }>(
  model: Model,
  options: QuantizeOptions,
  user: WeightUser,
): Promise<QuantizableModel<Model>> {
  const { quantize = engineDefaults.quantize, cacheLimitBytes = engineDefaults.cacheLimitBytes } = options;
  if (model.prepared !== undefined) return usePreparedModel(model, model.prepared, { ...options, user });
  const releaseNothing = async (): Promise<void> => undefined;
  const { prepacking, isFasterQuantized } = user;
  const quantization = quantize === "auto" && !isFasterQuantized ? "none" : resolveMode(model, quantize);
  if (quantization === "none" && !hasPackedWeights(model.weights)) {
    return {
      model,
      quantization,
      write: async () => ({ model, hasFiniteWeights: false, release: releaseNothing }),
    };
  }
  const directory = options.cacheDirectory ?? defaultCacheDirectory(process.env);
  const plan = (target: string): Promise<QuantizedCheckpoint> =>
    quantizeCheckpoint(model, {
      ...(quantization === "none" ? { quantization: undefined } : recipeOf(quantization, user)),
      directory: target,
    });
  const withWeights = ({ config }: QuantizedCheckpoint, weights: WeightIndex): Model => ({
    ...model,
    config,
    weights,
  });
  const planned = await plan(directory);
  const threadCount = options.threads ?? availableParallelism();

  const makeRoom = async (neededBytes: number): Promise<void> =>
    void (await makeRoomInCache(directory, { maxBytes: cacheLimitBytes, neededBytes }));
  const { path, sizeBytes } = planned.file;
  const copiesBytes = copiesRatio * sizeBytes;
  const hasRoomForCopies = prepacking !== undefined && sizeBytes + copiesBytes <= cacheLimitBytes;
  const writeToCache = async ({ onProgress }: WriteWeightsOptions): Promise<void> => {
    await makeDirectory(directory);
    const beforeWriting = (): Promise<void> => makeRoom(sizeBytes);
    const found = await planned.prepare({ threadCount, onProgress, beforeWriting });
    if (found === "found") await touchCachedWeights(path);
  };
  const quantizedModel = withWeights(planned, planned.weights);
  /** The weights with copies for this processor, or why there are none; without a problem if there is no room for them. */
  const prepare = async ({
    onProgress,
  }: WriteWeightsOptions): Promise<Model | { readonly problem: string | undefined }> => {
    if (prepacking === undefined || !hasRoomForCopies) return { problem: undefined };
    try {
      await makeRoom(copiesBytes);
      const weights = await writePreparedWeights(planned, {
        threadCount,
        onProgress,
        target: prepacking.target(quantizedModel),
        makeCopies: ({ weights, ...request }) =>
          // Several are made at the same time.
          prepacking.prepack(withWeights(planned, weights), {
            ...request,
            threads: 1,
            runtime: options.runtime,
          }),
      });
      return weights === undefined
        ? { problem: "the file lacks some of them" }
        : withWeights(planned, weights);
    } catch (error) {
      return { problem: reasonOf(error) };
    }
  };
  const findPrepared = async (): Promise<Model | undefined> => {
    if (prepacking === undefined) return undefined;
    const target = prepacking.target(quantizedModel);
    const weights = await findPreparedWeights(planned, target, { threadCount });
    return weights && withWeights(planned, weights);
  };

  const writeElsewhere = async ({ onProgress }: WriteWeightsOptions): Promise<WrittenWeights<Model>> => {
    const temporary = await mkdtemp(join(tmpdir(), "infernode-weights-"));
    const release = (): Promise<void> => rm(temporary, { recursive: true, force: true });
    try {
      const elsewhere = await plan(temporary);
      await elsewhere.prepare({ threadCount, onProgress });
      return { model: withWeights(elsewhere, elsewhere.weights), hasFiniteWeights: false, release };
    } catch (cause) {
      await release();
      throw cause;
    }
  };
  return {
    model: quantizedModel,
    quantization,
    write: async (writeOptions) => {
      const { onWarning } = writeOptions;
      const written = { hasFiniteWeights: false, release: releaseNothing };
      try {
        for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
          const found = await findPrepared();
          if (found !== undefined) return { ...written, model: found, hasFiniteWeights: true };
          const [quantizing, preparing] = divideProgress(writeOptions, hasRoomForCopies ? sizeBytes : 0);
          await writeToCache(quantizing);
          const prepared = await prepare(preparing);
          if ("weights" in prepared) return { ...written, model: prepared };
          // Another process may have replaced the file since.
          if (!existsSync(path)) continue;
          if (prepared.problem !== undefined) {
            onWarning(`quantized weights are not kept in the order of this processor: ${prepared.problem}`);
          }
          return { ...written, model: quantizedModel };
        }
      } catch (error) {
        if (!isStorageError(error)) throw error;
        onWarning(`quantized weights are not kept, and quantized again at each start: ${reasonOf(error)}`);
      }
      return writeElsewhere(writeOptions);
    },
  };
}

/** One progress of two steps; `secondBytes` is the total of the second one. */
function divideProgress(
  options: WriteWeightsOptions,
  secondBytes: number,
): readonly [WriteWeightsOptions, WriteWeightsOptions] {
  let firstBytes = 0;
  return [
    {
      ...options,
      onProgress: (doneBytes, totalBytes) => {
        firstBytes = totalBytes;
        options.onProgress(doneBytes, totalBytes + secondBytes);
      },
    },
    {
      ...options,
      onProgress: (doneBytes, totalBytes) =>
        options.onProgress(firstBytes + doneBytes, firstBytes + totalBytes),
    },
  ];
}

/** Uses the weights of a directory that `models quantize` wrote; writes nothing. */
function usePreparedModel<Model extends Checkpoint & { readonly name: string }>(
  model: Model,
  prepared: PreparedNetwork,
  { quantize, threads, user }: QuantizeOptions & { readonly user: WeightUser },
): QuantizableModel<Model> {
  const { target, mode } = prepared;
  return {
    model,
    quantization: mode === "int4" || mode === "int8" ? mode : "none",
    write: async ({ onWarning }) => {
      if (quantize !== undefined && quantize !== "auto" && quantize !== mode) {
        onWarning(`${model.name} was prepared with ${mode}; engine.quantize ${quantize} has no effect`);
      }
      const own = user.prepacking?.target(model);
      const isOwn = own?.key === target.key;
      if (own !== undefined && !isOwn) {
        onWarning(
          `${model.name} was prepared for ${target.description}, and this is ${own.description}: it runs the same, ` +
            "and its weights are put in order at each start; write it again here with infernode models quantize",
        );
      }
      // While the weights are loaded.
      const verified = prepared.verify({ threadCount: threads ?? availableParallelism() });
      verified.catch(() => undefined);
      return {
        model: isOwn ? model : { ...model, weights: withoutCopies(model.weights) },
        hasFiniteWeights: true,
        release: () => verified,
      };
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isStorageError(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  return storageCodes.has(code) || isStorageError(cause);
}
