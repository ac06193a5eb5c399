import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import {
  hasPackedWeights,
  makeRoomInCache,
  quantizeCheckpoint,
  touchCachedWeights,
  type Checkpoint,
  type Quantization,
  type QuantizedCheckpoint,
} from "@infernode/models";
import type { QuantizeMode } from "../../config/config.ts";
import { engineDefaults } from "../../config/engine-defaults.ts";
import { makeDirectory } from "./make-directory.ts";
import { defaultCacheDirectory } from "./cache-directory.ts";
import type { EngineCoreOptions } from "./engine-core.ts";

const quantizations: Readonly<Record<QuantizeMode, Quantization | undefined>> = {
  none: undefined,
  int4: { bits: 4, blockSize: 32 },
  int8: { bits: 8, blockSize: 32 },
};

/** Weights that are on disk as an executor needs them. */
export interface WrittenWeights<Model> {
  readonly model: Model;
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
  /** @throws ModelError `QUANTIZE_FAILED` */
  readonly write: (options: WriteWeightsOptions) => Promise<WrittenWeights<Model>>;
}

type QuantizeOptions = Pick<EngineCoreOptions, "quantize" | "cacheDirectory" | "cacheLimitBytes" | "threads">;

/** Codes of a directory that cannot take the weights, where another one may. */
const storageCodes: ReadonlySet<unknown> = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOSPC",
  "EDQUOT",
  "ENOTDIR",
  "ENOENT",
]);

/** Plans the quantization of a loaded model as the options say; reads and writes nothing yet. */
export async function quantizeModel<Model extends Checkpoint>(
  model: Model,
  options: QuantizeOptions,
): Promise<QuantizableModel<Model>> {
  const { quantize = engineDefaults.quantize, cacheLimitBytes = engineDefaults.cacheLimitBytes } = options;
  if (quantize === "none" && !hasPackedWeights(model.weights)) {
    return { model, write: async () => ({ model, release: async () => undefined }) };
  }
  const directory = options.cacheDirectory ?? defaultCacheDirectory(process.env);
  const plan = (target: string): Promise<QuantizedCheckpoint> =>
    quantizeCheckpoint(model, { quantization: quantizations[quantize], directory: target });
  const quantizedModel = ({ config, weights }: QuantizedCheckpoint): Model => ({
    ...model,
    config,
    weights,
  });
  const planned = await plan(directory);
  const threadCount = options.threads ?? availableParallelism();

  const writeToCache = async ({ onProgress }: WriteWeightsOptions): Promise<void> => {
    await makeDirectory(directory);
    const prepared = await planned.prepare({
      threadCount,
      onProgress,
      beforeWriting: async () => {
        await makeRoomInCache(directory, { maxBytes: cacheLimitBytes, neededBytes: planned.file.sizeBytes });
      },
    });
    if (prepared === "found") await touchCachedWeights(planned.file.path);
  };
  return {
    model: quantizedModel(planned),
    write: async (writeOptions) => {
      try {
        await writeToCache(writeOptions);
        return { model: quantizedModel(planned), release: async () => undefined };
      } catch (error) {
        if (!isStorageError(error)) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        writeOptions.onWarning(
          `quantized weights are not kept, and quantized again at each start: ${reason}`,
        );
        const temporary = await mkdtemp(join(tmpdir(), "infernode-weights-"));
        const release = (): Promise<void> => rm(temporary, { recursive: true, force: true });
        try {
          const elsewhere = await plan(temporary);
          await elsewhere.prepare({ threadCount, onProgress: writeOptions.onProgress });
          return { model: quantizedModel(elsewhere), release };
        } catch (cause) {
          await release();
          throw cause;
        }
      }
    },
  };
}

function isStorageError(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  return storageCodes.has(code) || isStorageError(cause);
}
