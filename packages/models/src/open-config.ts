import { basename, join, resolve } from "node:path";

import type { ModelConfig } from "./config/model-config.ts";
import { ModelError } from "./errors.ts";
import { architectureFor, familyOf } from "./families/find-family.ts";
import { parseModelConfig } from "./families/parse-model-config.ts";
import { isTextPart } from "./families/text-parts.ts";
import type { FileAccess } from "./files/file-access.ts";
import { createNodeFileAccess } from "./files/node-file-access.ts";
import { readJsonFile, statFile } from "./files/read-file.ts";
import { findModel } from "./formats/find-model.ts";
import { type AbsentWeight, describeGroups } from "./formats/hf-directory/quantized/describe-groups.ts";
import { describeBlocks } from "./formats/hf-directory/quantized/mxfp4.ts";
import {
  type DeclaredQuantization,
  readQuantization,
} from "./formats/hf-directory/quantized/read-quantization.ts";
import { embeddingWeight } from "./network/decoders/decoder-weights.ts";
import { collectWeightRefs } from "./network/collect-weight-refs.ts";
import { listProducts } from "./network/list-products.ts";
import { textPartWarning } from "./network/model-warning.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import { denseWeight, type StoredWeight, tensorsOf, type TensorInfo } from "./weights/stored-weight.ts";
import { dtypeSizeBytes, type TensorDtype } from "./weights/tensor-dtype.ts";
import { createWeightIndex, type WeightIndex } from "./weights/weight-index.ts";

const maxConfigBytes = 4 * 2 ** 20;
const weightFiles = ["model.safetensors", "model.safetensors.index.json"];
const dtypes: ReadonlyMap<string, TensorDtype> = new Map([
  ["float32", "F32"],
  ["float16", "F16"],
]);

/** Where a config is read from. */
export interface ConfigSource {
  /** The file system by default. */
  readonly files?: FileAccess;
}

/** The path of a config without weights: a JSON file, or `config.json` of a directory that has no weights beside it. */
export async function findConfigAlone(path: string, source: ConfigSource = {}): Promise<string | undefined> {
  const { files = createNodeFileAccess() } = source;
  const absolute = resolve(path);
  const found = await statFile(files, absolute);
  if (found?.kind === "file") return basename(absolute).endsWith(".json") ? absolute : undefined;
  const config = join(absolute, "config.json");
  if (found?.kind !== "directory" || (await statFile(files, config)) === undefined) return undefined;
  const { format } = await findModel(absolute, { files });
  if (format.name !== "hf-directory") return undefined;
  for (const name of weightFiles) {
    if ((await statFile(files, join(absolute, name))) !== undefined) return undefined;
  }
  return config;
}

/**
 * Opens the network that a config describes, with the weights that it would have: they can be planned with and not be
 * read. They have the dtype that the config names, or BF16; of a quantized checkpoint, all matrices of layers are in groups,
 * or those of experts in blocks.
 *
 * @throws ModelError as `openCheckpoint` for the config of a checkpoint
 */
export async function openConfig(path: string, source: ConfigSource = {}): Promise<Checkpoint> {
  const { files = createNodeFileAccess() } = source;
  const raw = await readJsonFile(files, path, { maxBytes: maxConfigBytes });
  const config = parseModelConfig({ configName: path, config: raw });
  const quantization = readQuantization(raw, path);
  if (quantization !== undefined) assertNotFused(config, { quantization, path });
  return {
    directory: path,
    config,
    architecture: architectureFor(config),
    weights: describedWeights(config, path, quantization),
    generationDefaults: {},
    prepared: undefined,
    unusedTensors: [],
    warnings: isTextPart(config) ? [textPartWarning] : [],
  };
}

/** Groups of a matrix that holds several cannot be told apart by ranges of bytes, as in a checkpoint. */
function assertNotFused(
  config: ModelConfig,
  { quantization, path }: { readonly quantization: DeclaredQuantization; readonly path: string },
): void {
  if ("dataSuffix" in quantization) return;
  const fused = familyOf(config)
    .fusedWeights?.(config)
    .find(({ isOfGgufOnly = false }) => !isOfGgufOnly);
  if (fused === undefined) return;
  const mismatch = { expected: "a matrix of several, stored row by row", got: quantization.method };
  throw new ModelError("UNSUPPORTED_QUANTIZATION", mismatch, { file: path, tensor: fused.name });
}

function describedWeights(
  config: ModelConfig,
  filePath: string,
  quantization: DeclaredQuantization | undefined,
): WeightIndex {
  const dtype = dtypes.get(config.storedDtype) ?? "BF16";
  const architecture = architectureFor(config);
  const quantized = new Set(quantization === undefined ? [] : listQuantized(config, quantization));
  const weights = new Map<string, StoredWeight>();
  let startByte = 0;
  for (const { name, shape } of collectWeightRefs(architecture, config).values()) {
    const [rows = 0, columns = 0] = shape;
    const place = { name, rows, columns, filePath, startByte };
    const weight =
      (quantized.has(name) && quantization && describeQuantized(quantization, place)) ||
      describeDense({ name, shape, dtype, filePath, startByte });
    weights.set(name, weight);
    startByte = Math.max(...tensorsOf(weight).map(({ endByte }) => endByte));
  }
  return createWeightIndex(weights, new Map());
}

/** The names of the weights that are quantized by default. */
function listQuantized(config: ModelConfig, quantization: DeclaredQuantization): readonly string[] {
  const products = listProducts(architectureFor(config), config).map(({ weight }) => weight.name);
  if (!("dataSuffix" in quantization)) {
    // No method quantizes the output head by default.
    const others = new Set(["lm_head.weight", embeddingWeight(config).name]);
    return products.filter((name) => !others.has(name));
  }
  const stacks = familyOf(config).fusedWeights?.(config) ?? [];
  const stacked = new Set(stacks.flatMap(({ parts }) => parts.map(({ name }) => name)));
  return products.filter((name) => stacked.has(name));
}

function describeQuantized(
  quantization: DeclaredQuantization,
  weight: AbsentWeight,
): StoredWeight | undefined {
  return "dataSuffix" in quantization ? describeBlocks(weight) : describeGroups(quantization, weight);
}

function describeDense(tensor: Omit<TensorInfo, "endByte">): StoredWeight {
  const { shape, dtype, startByte } = tensor;
  const endByte = startByte + shape.reduce((product, size) => product * size, dtypeSizeBytes(dtype));
  return denseWeight({ ...tensor, endByte });
}
