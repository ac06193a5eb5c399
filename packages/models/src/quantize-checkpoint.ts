import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelConfig } from "./config/model-config.ts";
import { ModelError } from "./errors.ts";
import type { Architecture } from "./network/decoder-builder.ts";
import { embeddingWeight } from "./network/decoders/decoder-weights.ts";
import { listProducts } from "./network/list-products.ts";
import type { BlockLayout, Quantization, RowQuantization } from "./weights/block-layout.ts";
import { layoutOf } from "./weights/ggml/ggml-types.ts";
import { layoutOfGroups } from "./weights/grouped/grouped-layout.ts";
import { rotationOf } from "./weights/quantize/rotation-of.ts";
import {
  planQuantizedFile,
  type QuantizedFile,
  type QuantizedMatrix,
} from "./weights/quantize/quantized-file.ts";
import type { QuantizationRecipe } from "./weights/quantize/recipes.ts";
import { verifyQuantizedFile } from "./weights/quantize/verify-quantized-file.ts";
import { writeQuantizedFile, type WriteQuantizedOptions } from "./weights/quantize/write-quantized-file.ts";
import { type DenseWeight, type StoredWeight, tensorsOf, typeOf } from "./weights/stored-weight.ts";
import type { WeightIndex } from "./weights/weight-index.ts";

/** What is quantized. */
export interface QuantizableCheckpoint {
  readonly directory: string;
  readonly config: ModelConfig;
  readonly architecture: Architecture;
  readonly weights: WeightIndex;
}

export interface QuantizeCheckpointOptions extends Pick<QuantizationRecipe, "sensitive"> {
  /** How matrices of numbers are quantized; they stay as they are stored where it is `undefined`. */
  readonly quantization: Quantization | RowQuantization | undefined;
  /** Where the quantized weights are kept. */
  readonly directory: string;
}

/** A checkpoint whose matrices are quantized, planned and perhaps not yet written. */
export interface QuantizedCheckpoint extends Omit<QuantizableCheckpoint, "directory"> {
  readonly file: Pick<QuantizedFile, "path" | "sizeBytes">;
  /** Those that are in the file, by name. */
  readonly quantizedWeights: ReadonlyMap<string, StoredWeight>;
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
const recipeVersion = 8;

/** Whether a checkpoint has weights that an executor cannot read before `quantizeCheckpoint` unpacked them. */
export function hasPackedWeights({ tensors, weight }: Pick<WeightIndex, "tensors" | "weight">): boolean {
  return [...tensors.keys()].some((name) => {
    const encoding = weight(name)?.encoding;
    return encoding === "packed" || encoding === "grouped";
  });
}

/** How many numbers the dense matrices have that a network multiplies with: those that can be quantized. */
export function countDenseProducts({
  config,
  architecture,
  weights,
}: Omit<QuantizableCheckpoint, "directory">): number {
  return listProducts(architecture, config).reduce((sum, { weight: { name, shape } }) => {
    const [rows = 0, columns = 0] = shape;
    return weights.weight(name)?.encoding === "dense" ? sum + rows * columns : sum;
  }, 0);
}

/**
 * Plans to quantize the matrices that a network multiplies with, tensor by tensor, into a file of its own; norms,
 * biases and the embedding stay as they are stored. A tied output head becomes a weight of its own. Weights in blocks
 * of GGUF or in groups of columns, the embedding too, are written to the same file in the executor's order, with the
 * numbers that they have.
 * Nothing is read but headers.
 *
 * @throws ModelError `INVALID_ARGUMENT` for blocks of 4 bits that are no multiple of 32
 */
export async function quantizeCheckpoint(
  checkpoint: QuantizableCheckpoint,
  { quantization, sensitive = quantization, directory }: QuantizeCheckpointOptions,
): Promise<QuantizedCheckpoint> {
  const { config, architecture, weights } = checkpoint;
  const matrices = listMatrices(checkpoint, (isSensitive) => (isSensitive ? sensitive : quantization));
  const key = await keyOf(matrices, checkpoint);
  const file = planQuantizedFile(join(directory, `${key}.safetensors`), matrices, {
    recipe: String(recipeVersion),
    quantization: describeMatrices(matrices),
    source: checkpoint.directory,
  });
  const quantized: ReadonlyMap<string, StoredWeight> = new Map(
    file.matrices.map(({ name, weight }) => [name, weight]),
  );
  const isUntied = config.hasTiedEmbeddings && quantized.has(headName);
  return {
    config: isUntied ? Object.freeze({ ...config, hasTiedEmbeddings: false }) : config,
    architecture,
    weights: { ...weights, weight: (name) => quantized.get(name) ?? weights.weight(name) },
    file,
    quantizedWeights: quantized,
    prepare: async (options) => {
      if (await verifyQuantizedFile(file)) return "found";
      await options.beforeWriting?.();
      await writeQuantizedFile(file, options);
      return "written";
    },
  };
}

const headName = "lm_head.weight";

function listMatrices(
  { config, architecture, weights }: QuantizableCheckpoint,
  quantizationOf: (isSensitive: boolean) => Quantization | RowQuantization | undefined,
): readonly QuantizedMatrix[] {
  const embeddingName = embeddingWeight(config).name;
  const products = new Map(
    listProducts(architecture, config).map(({ weight, isSensitive }) => [weight.name, isSensitive]),
  );
  return [...new Set([embeddingName, ...products.keys()])].flatMap((name): QuantizedMatrix[] => {
    const source = weights.weight(name);
    if (source?.encoding === "packed") {
      return [{ name, source, layout: layoutOf(source.packing) }];
    }
    if (source?.encoding === "grouped") {
      const { layout, columnOrder } = layoutOfGroups(source);
      return [{ name, source, layout, columnOrder }];
    }
    const isSensitive = products.get(name);
    const quantization = isSensitive === undefined ? undefined : quantizationOf(isSensitive);
    if (source?.encoding !== "dense" || quantization === undefined) return [];
    const layout = layoutFor(quantization, source);
    return [{ name: name === embeddingName ? headName : name, source, layout }];
  });
}

const smallestRotation = 16;
/** Kernels write integers of 4 bits in blocks of so many, or of a multiple. */
const nibbleBlock = 32;

function layoutFor(quantization: Quantization | RowQuantization, { shape }: DenseWeight): BlockLayout {
  const { bits, blockSize } = quantization;
  if (bits === 4 && blockSize % nibbleBlock !== 0) {
    const mismatch = {
      expected: `blocks of a multiple of ${nibbleBlock} for 4 bits`,
      got: String(blockSize),
    };
    throw new ModelError("INVALID_ARGUMENT", mismatch, { field: "quantization.blockSize" });
  }
  if (blockSize !== "row") return { bits, blockSize, hasMinima: false, hasZeroPoints: bits === 4 };
  const [, columns = 0] = shape;
  const rotation = rotationOf(columns);
  // Few columns, or an odd number of them.
  if (rotation < smallestRotation) return { bits, blockSize: 32, hasMinima: false };
  return { bits, blockSize: columns, hasMinima: false, rotation };
}

function describeMatrices(matrices: readonly QuantizedMatrix[]): string {
  const described = matrices.map(({ source, layout: { bits, blockSize, rotation } }) => {
    if (source.encoding !== "dense") return typeOf(source);
    return rotation === undefined ? `int${bits}, blocks of ${blockSize}` : `int${bits}, one block a row`;
  });
  return [...new Set(described)].join(", ");
}

/** The same for the same tensors of the same files, quantized the same way. */
async function keyOf(
  matrices: readonly QuantizedMatrix[],
  { directory: source, weights }: Pick<QuantizableCheckpoint, "directory" | "weights">,
): Promise<string> {
  const allTensors = [...weights.tensors.values(), ...matrices.flatMap((matrix) => tensorsOf(matrix.source))];
  const paths = [...new Set(allTensors.map(({ filePath }) => filePath))];
  const files = await Promise.all(
    paths.map(async (path) => {
      const { size, mtimeMs, ino } = await stat(path);
      return { size, mtimeMs, ino };
    }),
  );
  const tensors = matrices.map(({ name, source: weight, layout, columnOrder }) => ({
    name,
    type: typeOf(weight),
    shape: weight.shape,
    parts: tensorsOf(weight).map(({ startByte, filePath }) => [startByte, paths.indexOf(filePath)]),
    ...(weight.encoding === "grouped" && { packing: [weight.dataPacking, weight.zeroPointPacking] }),
    layout,
    columnOrder: columnOrder && createHash("sha256").update(columnOrder).digest("hex"),
  }));
  const identity = JSON.stringify({ recipeVersion, source, files, tensors });
  return createHash("sha256").update(identity).digest("hex").slice(0, 32);
}
