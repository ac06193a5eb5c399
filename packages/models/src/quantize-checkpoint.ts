import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelConfig } from "./config/model-config.ts";
import type { Architecture } from "./network/decoder-builder.ts";
import { embeddingWeight, outputWeight } from "./network/decoders/decoder-weights.ts";
import { listProducts } from "./network/list-products.ts";
import type { Quantization } from "./weights/quantize/quantize-rows.ts";
import {
  planQuantizedFile,
  type QuantizedFile,
  type QuantizedMatrix,
} from "./weights/quantize/quantized-file.ts";
import { verifyQuantizedFile } from "./weights/quantize/verify-quantized-file.ts";
import { writeQuantizedFile, type WriteQuantizedOptions } from "./weights/quantize/write-quantized-file.ts";
import type { WeightIndex } from "./weights/weight-index.ts";

/** What is quantized. */
export interface QuantizableCheckpoint {
  readonly directory: string;
  readonly config: ModelConfig;
  readonly architecture: Architecture;
  readonly weights: WeightIndex;
}

export interface QuantizeCheckpointOptions {
  readonly quantization: Quantization;
  /** Where the quantized weights are kept. */
  readonly directory: string;
}

/** A checkpoint whose matrices are quantized, planned and perhaps not yet written. */
export interface QuantizedCheckpoint extends Omit<QuantizableCheckpoint, "directory"> {
  readonly file: Pick<QuantizedFile, "path" | "sizeBytes">;
  /**
   * Makes sure that the quantized weights are on disk: verifies those that are there, or writes them.
   * @throws ModelError `QUANTIZE_FAILED`; the signal's reason
   */
  prepare(options: PrepareWeightsOptions): Promise<"found" | "written">;
}

export interface PrepareWeightsOptions extends WriteQuantizedOptions {
  /** Called where nothing was found, so that room can be made. */
  readonly beforeWriting?: (() => Promise<void>) | undefined;
}

/** Changes with whatever makes other bytes of the same source. */
const recipeVersion = 1;

/**
 * Plans to quantize the matrices that a network multiplies with, tensor by tensor, into a file of its own; norms,
 * biases and the embedding stay as they are stored. A tied output head becomes a weight of its own. Nothing is read
 * but headers.
 */
export async function quantizeCheckpoint(
  checkpoint: QuantizableCheckpoint,
  { quantization, directory }: QuantizeCheckpointOptions,
): Promise<QuantizedCheckpoint> {
  const { config, architecture, weights } = checkpoint;
  const headName = "lm_head.weight";
  const embeddingName = embeddingWeight(config).name;
  const matrices = listProducts(architecture, config).flatMap(({ name }): QuantizedMatrix[] => {
    const weight = weights.weight(name);
    if (weight?.encoding !== "dense") return [];
    return [{ name: name === embeddingName ? headName : name, source: weight.data }];
  });
  const key = await keyOf(matrices, { quantization, source: checkpoint.directory });
  const file = planQuantizedFile(join(directory, `${key}.safetensors`), matrices, {
    quantization,
    metadata: {
      recipe: String(recipeVersion),
      quantization: `int${quantization.bits}, blocks of ${quantization.blockSize}`,
      source: checkpoint.directory,
    },
  });
  const quantized = new Map(file.matrices.map(({ name, weight }) => [name, weight]));
  const isTied = outputWeight(config).name === embeddingName;
  return {
    config: isTied ? Object.freeze({ ...config, hasTiedEmbeddings: false }) : config,
    architecture,
    weights: { ...weights, weight: (name) => quantized.get(name) ?? weights.weight(name) },
    file,
    prepare: async (options) => {
      if (await verifyQuantizedFile(file)) return "found";
      await options.beforeWriting?.();
      await writeQuantizedFile(file, options);
      return "written";
    },
  };
}

/** The same for the same tensors of the same files, quantized the same way. */
async function keyOf(
  matrices: readonly QuantizedMatrix[],
  recipe: { readonly quantization: Quantization; readonly source: string },
): Promise<string> {
  const paths = [...new Set(matrices.map(({ source }) => source.filePath))];
  const files = await Promise.all(
    paths.map(async (path) => {
      const { size, mtimeMs, ino } = await stat(path);
      return { size, mtimeMs, ino };
    }),
  );
  const tensors = matrices.map(({ name, source: { dtype, shape, startByte, filePath } }) => ({
    name,
    dtype,
    shape,
    startByte,
    file: paths.indexOf(filePath),
  }));
  const identity = JSON.stringify({ recipeVersion, ...recipe, files, tensors });
  return createHash("sha256").update(identity).digest("hex").slice(0, 32);
}
