import { join } from "node:path";

import { architectureFor } from "./network/decoders/architecture-for.ts";
import { assertWeightsFit } from "./network/assert-weights-fit.ts";
import type { Architecture } from "./network/decoder-builder.ts";
import { resolveModelDirectory } from "./formats/model-directory.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { GenerationDefaults } from "./model-loader.ts";
import { type ModelWarning, unusedTensorsWarning } from "./network/model-warning.ts";
import { createNodeFileAccess } from "./files/node-file-access.ts";
import { openWeightIndex } from "./weights/safetensors/open-weight-index.ts";
import { parseGenerationDefaults } from "./config/parse-generation-defaults.ts";
import { parseModelConfig } from "./config/parse-model-config.ts";
import type { FileAccess } from "./files/file-access.ts";
import { readJsonFile } from "./files/read-file.ts";
import { resolveTiedHead } from "./network/resolve-tied-head.ts";
import { missingConfigError } from "./files/missing-file-error.ts";
import type { WeightIndex } from "./weights/weights.ts";

/** A network and its weights, checked against each other: what an executor needs, without text. */
export interface Checkpoint {
  readonly directory: string;
  readonly config: ModelConfig;
  readonly architecture: Architecture;
  readonly weights: WeightIndex;
  readonly generationDefaults: GenerationDefaults;
  /** Tensors of the files that the network does not use. */
  readonly unusedTensors: readonly string[];
  /** What to know of it though it loads; `onWarning` was told the same. */
  readonly warnings: readonly ModelWarning[];
}

/** What `openCheckpoint` takes beside the directory. */
export interface OpenCheckpointOptions {
  /** The file system by default. */
  readonly files?: FileAccess;
  readonly signal?: AbortSignal;
  /** Told of each warning, before the promise resolves. */
  readonly onWarning?: (warning: ModelWarning) => void;
}

const MAX_CONFIG_BYTES = 4 * 2 ** 20;

/**
 * Opens a checkpoint: reads its config, checks every header and every tensor's shape. Takes no memory for
 * weights. The caller closes `weights`.
 *
 * @throws ModelError with a code
 */
export async function openCheckpoint(
  directory: string,
  options: OpenCheckpointOptions = {},
): Promise<Checkpoint> {
  const files = options.files ?? createNodeFileAccess();
  options.signal?.throwIfAborted();
  const root = await resolveModelDirectory(files, directory);
  const rawConfig = await readJsonFile(files, join(root, "config.json"), { maxBytes: MAX_CONFIG_BYTES });
  if (rawConfig === undefined) {
    throw await missingConfigError(files, root);
  }
  const generationConfig = await readJsonFile(files, join(root, "generation_config.json"), {
    maxBytes: MAX_CONFIG_BYTES,
  });
  const statedConfig = parseModelConfig({ config: rawConfig, generationConfig });
  const generationDefaults = parseGenerationDefaults(generationConfig);
  const storedWeights = await openWeightIndex(root, {
    files,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  try {
    const { config, weights, warning } = await resolveTiedHead(statedConfig, storedWeights);
    const { unusedTensors } = assertWeightsFit(config, weights);
    const warnings = [warning, unusedTensorsWarning(unusedTensors)].filter((each) => each !== undefined);
    for (const each of warnings) options.onWarning?.(each);
    return {
      directory: root,
      config,
      architecture: architectureFor(config),
      weights,
      generationDefaults,
      unusedTensors,
      warnings,
    };
  } catch (error) {
    await storedWeights.close();
    throw error;
  }
}
