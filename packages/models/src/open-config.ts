import { basename, join, resolve } from "node:path";

import type { ModelConfig } from "./config/model-config.ts";
import { architectureFor } from "./families/find-family.ts";
import { parseModelConfig } from "./families/parse-model-config.ts";
import type { FileAccess } from "./files/file-access.ts";
import { createNodeFileAccess } from "./files/node-file-access.ts";
import { readJsonFile, statFile } from "./files/read-file.ts";
import { findModel } from "./formats/find-model.ts";
import { readQuantization } from "./formats/hf-directory/quantized/read-quantization.ts";
import { collectWeightRefs } from "./network/collect-weight-refs.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import { denseWeight, type StoredWeight } from "./weights/stored-weight.ts";
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
 * read. They have the dtype that the config names, or BF16.
 *
 * @throws ModelError as `openCheckpoint` for the config of a checkpoint
 */
export async function openConfig(path: string, source: ConfigSource = {}): Promise<Checkpoint> {
  const { files = createNodeFileAccess() } = source;
  const raw = await readJsonFile(files, path, { maxBytes: maxConfigBytes });
  const config = parseModelConfig({ configName: path, config: raw });
  readQuantization(raw, path);
  return {
    directory: path,
    config,
    architecture: architectureFor(config),
    weights: describedWeights(config, path),
    generationDefaults: {},
    prepared: undefined,
    unusedTensors: [],
    warnings: [],
  };
}

function describedWeights(config: ModelConfig, filePath: string): WeightIndex {
  const dtype = dtypes.get(config.storedDtype) ?? "BF16";
  const weights = new Map<string, StoredWeight>();
  let startByte = 0;
  for (const { name, shape } of collectWeightRefs(architectureFor(config), config).values()) {
    const endByte = startByte + shape.reduce((product, size) => product * size, dtypeSizeBytes(dtype));
    weights.set(name, denseWeight({ name, dtype, shape, filePath, startByte, endByte }));
    startByte = endByte;
  }
  return createWeightIndex(weights, new Map());
}
